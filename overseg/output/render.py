"""Pictures and videos of a result's frames with their masks."""

from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from overseg.errors import SettingsError
from overseg.interchange.destination import written
from overseg.interchange.filters import Filters
from overseg.output.form import Form
from overseg.output.input_video import open_input
from overseg.output.render_options import RenderOptions
from overseg.output.sink import is_video, is_video_name, open_sink
from overseg.output.spare_input import spare_input
from overseg.stages import Report, Video
from overseg.store.result import Result

DEFAULT_FPS = 30.0  # where the input has no frames per second, as a folder of images
_TARGETS_AT_ONCE = 16  # encoders that are open side by side; for more tracks the frames are read again


def render_frame(
    result: Result,
    video: Video,
    frame: int,
    *,
    render_options: RenderOptions | None = None,
    filters: Filters | None = None,
) -> UInt8[np.ndarray, "h w c"]:
    """A frame with its masks, as a picture of its own.

    Example:
        >>> with open_input(result) as video:  # doctest: +SKIP
        ...     PIL.Image.fromarray(render_frame(result, video, 12)).save("frame.png")

    Args:
        result: where the masks are.
        video: the frames that it was made from; see `open_input`.
        frame: number of the frame, from 0.
        look: how it is drawn; None for an overlay.
        filters: which tracks are shown; None for all.

    Raises:
        SettingsError: there is no such frame or track, or an option has a value that it cannot have.
        InputError: the video is damaged at this frame.
    """
    if not 0 <= frame < len(result):
        raise SettingsError(f"{result.path} has the frames 0 to {len(result) - 1}, not {frame}: give one of those")
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
    """Write frames with their masks: as a video, as a folder of pictures, or as one of either for each track.

    Frames without a mask are written, too. Pictures are called `frame_<number of the frame>`.

    Args:
        result, video, look: as in `render_frame`.
        destination: a video file, .mp4, .mov, .mkv or .webm, or a folder. An older one of that name is replaced; of
            a folder only if all in it has a name that the new one has, too. The input is never replaced.
        filters: which tracks and frames; None for all.
        form: in what form; None for what the destination's name says.
        report: is told of every frame written; None tells nobody.

    Raises:
        SettingsError: an option has a value that it cannot have, or options do not fit together.
        InputError: the destination cannot be written, or the video is damaged.
    """
    render_options, filters, form, destination = (
        render_options or RenderOptions(),
        filters or Filters(),
        form or Form(),
        Path(destination),
    )
    format, frames = form.format_of(destination, render_options), filters.frames(len(result))
    spare_input(destination, result.provenance.get("input", result.info.name))
    targets = _targets(filters.tracks(result.tracks, frames), form, format)
    groups = [targets[at : at + _TARGETS_AT_ONCE] for at in range(0, len(targets), _TARGETS_AT_ONCE)]
    open_target = partial(
        open_sink,
        format=format,
        fps=(result.info.fps or DEFAULT_FPS) / form.every if form.fps is None else form.fps,
        size=render_options.size(result.size),
        channels=render_options.channels,
        quality=form.quality,
    )
    done, total = 0, len(groups) * len(frames[:: form.every])
    with nullcontext(destination) if is_video_name(destination) else written(destination, overwrite=True) as place:
        for group in groups:
            with ExitStack() as stack:
                sinks = [(stack.enter_context(open_target(place / name)), wanted) for name, wanted in group]
                for frame in frames[:: form.every]:
                    rgb, masks = video[frame].rgb, result.masks_at(frame)
                    for sink, wanted in sinks:
                        sink(frame, render_options.draw(rgb, masks.take(wanted[masks.track])))
                    done += 1
                    if report:
                        report.progress("render", done, total)


def render_result(result: Result, destination: str | Path, *, report: Report | None = None) -> None:
    """Draw all masks over the video that a result was made from; see `render`.

    Raises:
        SettingsError: the destination is no video file and no folder.
        InputError: the destination cannot be written, or the video is damaged.
    """
    with open_input(result) as video:
        render(result, video, destination, report=report)


def _targets(shown: Bool[np.ndarray, " t"], form: Form, format: str) -> list[tuple[str, Bool[np.ndarray, " t"]]]:
    """The names of what is written, within the destination, and which tracks are on each; no name is all of it."""
    if not form.per_track:
        return [("", shown)]
    tracks = np.flatnonzero(shown)
    if not len(tracks):
        raise SettingsError("--per-track writes something for each track, and none is left: choose others")
    ending = f".{format}" if is_video(format) else ""
    return [(f"track_{track}{ending}", np.arange(len(shown)) == track) for track in tracks.tolist()]
