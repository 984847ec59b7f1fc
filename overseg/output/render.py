"""Draws the frames of a result with their masks, as pictures and videos."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from overseg.data.filters import Filters
from overseg.data.masks import TrackMasks
from overseg.errors import SettingsError
from overseg.files.destination import written
from overseg.output.form import Form
from overseg.output.input_video import opened_input
from overseg.output.playback import playback_of
from overseg.output.render_options import RenderOptions
from overseg.output.sink import Sink, is_video, is_video_name, open_sink
from overseg.output.spare_input import spare_input
from overseg.stages import Report, Video
from overseg.store.result import Result

DEFAULT_FPS = 30.0  # where the input has no frame rate: a folder of images
_LEAST_DIGITS = 5  # of a track's number in a name
_TARGETS_AT_ONCE = 16  # encoders open at the same time; with more tracks the frames are read several times


def render_frame(
    result: Result,
    video: Video,
    frame: int,
    *,
    render_options: RenderOptions | None = None,
    filters: Filters | None = None,
) -> UInt8[np.ndarray, "h w c"]:
    """Return a new picture of a frame with its masks.

    Example:
        >>> with open_input(result) as video:  # doctest: +SKIP
        ...     PIL.Image.fromarray(render_frame(result, video, 12)).save("frame.png")

    Args:
        result: holds the masks.
        video: the frames that it was made from; see `open_input`.
        frame: number of the frame, from 0.
        render_options: how the frame is drawn; None for an overlay.
        filters: which tracks are drawn; None for all.

    Raises:
        SettingsError: there is no such frame or track, or an option has an impossible value.
        InputError: the video is damaged at this frame.
    """
    if not 0 <= frame < len(result):
        raise SettingsError(f"{result.path} has the frames 0 to {len(result) - 1}, not {frame}: give one of these")
    shown = (filters or Filters()).tracks(result.tracks, range(len(result)))
    masks = result.masks_at(frame)
    return (render_options or RenderOptions()).draw(video[frame].rgb, masks.take(shown[masks.track]))


def render(
    result: Result,
    video: Video,
    destination: str | Path,
    *,
    render_options: RenderOptions | None = None,
    filters: Filters | None = None,
    form: Form | None = None,
    report: Report | None = None,
) -> None:
    """Write frames with their masks: as a video or a folder of pictures, or one of either per track.

    Frames without a mask are written, too. Pictures are called `frame_<number of the frame>`.

    Args:
        result, video, render_options: as in `render_frame`.
        destination: a video file (.mp4, .mov, .mkv or .webm) or a folder. An older one of that name is replaced; a
            folder only if each file in it has a name that is written again. The input is never replaced.
        filters: which tracks and frames are written; None for all.
        form: format, frame rate and quality; None for those that the destination's name implies.
        report: receives the number of frames written; None for no reports.

    Raises:
        SettingsError: an option has an impossible value, or options contradict each other.
        InputError: the destination cannot be written, or the video is damaged.
    """
    render_options, filters, form = render_options or RenderOptions(), filters or Filters(), form or Form()
    destination = Path(destination)
    format, frames = form.format_of(destination, render_options), filters.frames(len(result))
    spare_input(destination, result.provenance.get("input", result.info.name))
    targets = _targets(result, filters.tracks(result.tracks, frames), frames, form, format)
    open_target = partial(
        open_sink,
        format=format,
        playback=playback_of(result, frames[:: form.every], fps=form.fps, otherwise=DEFAULT_FPS, sound=form.sound),
        channels=render_options.channels,
        quality=form.quality,
    )
    with nullcontext(destination) if is_video_name(destination) else written(destination, overwrite=True) as place:
        placed = [replace(target, path=place / target.path) for target in targets]
        _draw_frames(result, video, frames[:: form.every], placed, open_target, render_options, report)


def render_result(
    result: Result, destination: str | Path, *, video: Video | None = None, report: Report | None = None
) -> None:
    """Draw all masks over the video that a result was made from; see `render`.

    Args:
        result, destination, report: as in `render`.
        video: the open input; None to open it here.

    Raises:
        SettingsError: the destination is neither a video file nor a folder.
        InputError: the destination cannot be written, or the video is missing, damaged, or another one.
    """
    with opened_input(result, video) as frames:
        render(result, frames, destination, report=report)


def check_destination(destination: str | Path, input: str | Path) -> None:
    """Refuse a destination that `render_result` cannot write, before any work.

    Args:
        destination: a video file or a folder.
        input: the video that is drawn; it is never replaced.

    Raises:
        SettingsError: the destination is neither a video file nor a folder.
        InputError: it is the input.
    """
    Form().format_of(Path(destination), RenderOptions())
    spare_input(destination, input)


@dataclass(frozen=True)
class _Target:
    """A file or folder to write.

    Attributes:
        path: of it.
        shown: whether each track is drawn on it.
        box: the rows and columns of the frame that it shows.
    """

    path: Path
    shown: Bool[np.ndarray, " t"]
    box: tuple[slice, slice]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the part of a frame that it shows, in pixels."""
        rows, columns = self.box
        return rows.stop - rows.start, columns.stop - columns.start

    def draw(
        self, rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, render_options: RenderOptions
    ) -> UInt8[np.ndarray, "h2 w2 c"]:
        """The picture of a frame."""
        drawn = render_options.draw(rgb, masks.take(self.shown[masks.track]))
        if self.size == rgb.shape[:2]:
            return drawn
        side_by_side = np.split(drawn, drawn.shape[1] // rgb.shape[1], axis=1)
        return np.concatenate([one[self.box] for one in side_by_side], axis=1)


def _draw_frames(
    result: Result,
    video: Video,
    frames: range,
    targets: Sequence[_Target],
    open_target: Callable[..., AbstractContextManager[Sink]],
    render_options: RenderOptions,
    report: Report | None,
) -> None:
    """Write each frame to each target, with the tracks of that target."""
    groups = [targets[at : at + _TARGETS_AT_ONCE] for at in range(0, len(targets), _TARGETS_AT_ONCE)]
    done, total = 0, len(groups) * len(frames)
    for group in groups:
        with ExitStack() as stack:
            sinks = [
                stack.enter_context(open_target(target.path, size=render_options.size(target.size))) for target in group
            ]
            for frame in frames:
                rgb, masks = video[frame].rgb, result.masks_at(frame)
                for sink, target in zip(sinks, group, strict=True):
                    sink(frame, target.draw(rgb, masks, render_options))
                done += 1
                if report:
                    report.progress("render", done, total)


def _targets(result: Result, shown: Bool[np.ndarray, " t"], frames: range, form: Form, format: str) -> list[_Target]:
    """What is written, each with its path within the destination; "" is the destination itself."""
    whole = (slice(0, result.size[0]), slice(0, result.size[1]))
    if not form.per_track:
        return [_Target(Path(), shown, whole)]
    tracks = np.flatnonzero(shown).tolist()
    if not tracks:
        raise SettingsError("--per-track writes one file per track, and the filters leave no track: choose others")
    ending = f".{format}" if is_video(format) else ""
    digits = max(_LEAST_DIGITS, len(str(len(shown) - 1)))
    return [
        _Target(
            Path(f"track_{track:0{digits}d}{ending}"),
            np.arange(len(shown)) == track,
            _box(result, track, frames) if form.crop else whole,
        )
        for track in tracks
    ]


def _box(result: Result, track: int, frames: range) -> tuple[slice, slice]:
    """The rows and columns that a track stays in on these frames; all of them where it is not seen there."""
    masks = result.masks_of(track)
    masks = masks.take(np.flatnonzero(np.isin(masks.frame, frames)))
    if not len(masks):
        return slice(0, result.size[0]), slice(0, result.size[1])
    left, top, width, height = masks.rles.boxes_xywh().astype(int).T
    return slice(int(top.min()), int((top + height).max())), slice(int(left.min()), int((left + width).max()))
