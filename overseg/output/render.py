"""Draws the frames of a result with their masks, as pictures and videos."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from overseg.errors import SettingsError
from overseg.interchange.destination import written
from overseg.interchange.filters import Filters
from overseg.output.form import Form
from overseg.output.input_video import opened_input
from overseg.output.render_options import RenderOptions
from overseg.output.sink import Sink, is_video, is_video_name, open_sink
from overseg.output.spare_input import spare_input
from overseg.stages import Report, Video
from overseg.store.result import Result

DEFAULT_FPS = 30.0  # where the input has no frame rate: a folder of images
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
    targets = _targets(filters.tracks(result.tracks, frames), form, format)
    open_target = partial(
        open_sink,
        format=format,
        fps=(result.info.fps or DEFAULT_FPS) / form.every if form.fps is None else form.fps,
        size=render_options.size(result.size),
        channels=render_options.channels,
        quality=form.quality,
    )
    with nullcontext(destination) if is_video_name(destination) else written(destination, overwrite=True) as place:
        placed = [(place / name, shown) for name, shown in targets]
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


def _draw_frames(
    result: Result,
    video: Video,
    frames: range,
    targets: Sequence[tuple[Path, Bool[np.ndarray, " t"]]],
    open_target: Callable[[Path], AbstractContextManager[Sink]],
    render_options: RenderOptions,
    report: Report | None,
) -> None:
    """Write each frame to each target, with the tracks of that target."""
    groups = [targets[at : at + _TARGETS_AT_ONCE] for at in range(0, len(targets), _TARGETS_AT_ONCE)]
    done, total = 0, len(groups) * len(frames)
    for group in groups:
        with ExitStack() as stack:
            sinks = [(stack.enter_context(open_target(path)), shown) for path, shown in group]
            for frame in frames:
                rgb, masks = video[frame].rgb, result.masks_at(frame)
                for sink, shown in sinks:
                    sink(frame, render_options.draw(rgb, masks.take(shown[masks.track])))
                done += 1
                if report:
                    report.progress("render", done, total)


def _targets(shown: Bool[np.ndarray, " t"], form: Form, format: str) -> list[tuple[str, Bool[np.ndarray, " t"]]]:
    """The path of each target within the destination, and the tracks drawn on it. "" is the destination itself."""
    if not form.per_track:
        return [("", shown)]
    tracks = np.flatnonzero(shown)
    if not len(tracks):
        raise SettingsError("--per-track writes one file per track, and the filters leave no track: choose others")
    ending = f".{format}" if is_video(format) else ""
    return [(f"track_{track}{ending}", np.arange(len(shown)) == track) for track in tracks.tolist()]
