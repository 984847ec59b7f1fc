"""Pictures and videos with a result's masks drawn over the frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from overseg.data.tracks import LEVELS, Tracks
from overseg.errors import SettingsError
from overseg.output.overlay import draw_masks
from overseg.output.video_writer import VideoWriter
from overseg.stages import Report, Video
from overseg.store.result import Result

DEFAULT_FPS = 30.0  # where the input has no frames per second, as a folder of images


def render_frame(
    result: Result,
    video: Video,
    frame: int,
    *,
    opacity: float = 0.5,
    side_by_side: bool = False,
    level: str | None = None,
    min_length: int = 1,
) -> UInt8[np.ndarray, "h w 3"]:
    """A frame with its masks drawn over it, as a picture of its own.

    Example:
        >>> with open_input(result) as video:  # doctest: +SKIP
        ...     PIL.Image.fromarray(render_frame(result, video, 12)).save("frame.png")

    Args:
        result: where the masks are.
        video: the frames that it was made from; see `open_input`.
        frame: number of the frame, from 0.
        opacity: share of the fill in a covered pixel, in [0, 1].
        side_by_side: whether the frame without masks stands to the left, which makes the picture twice as wide.
        level: only masks of tracks of this level, "subpart", "part" or "whole"; None for all.
        min_length: only masks of tracks that have at least this number of masks.

    Raises:
        SettingsError: there is no such frame, or an option has a value that it cannot have.
        InputError: the video is damaged at this frame.
    """
    if not 0 <= frame < len(result):
        raise SettingsError(f"{result.path} has the frames 0 to {len(result) - 1}, not {frame}: give one of those")
    shown = shown_tracks(result.tracks, level=level, min_length=min_length)
    return _drawn(result, video, frame, shown, _checked(opacity), side_by_side)


def render_video(
    result: Result,
    video: Video,
    path: str | Path,
    *,
    fps: Fraction | float | None = None,
    opacity: float = 0.5,
    side_by_side: bool = False,
    level: str | None = None,
    min_length: int = 1,
    report: Report | None = None,
) -> None:
    """Write all frames with their masks drawn over them to a video file. Frames without a mask are written as they are.

    Args:
        result, video, opacity, side_by_side, level, min_length: as in `render_frame`.
        path: the file to write, .mp4, .mov, .mkv or .webm; an older one of that name is replaced.
        fps: frames per second of the file; None for the input's, or 30 where it has none.
        report: is told of every frame written; None tells nobody.

    Raises:
        SettingsError: an option has a value that it cannot have.
        InputError: the file cannot be written, or the video is damaged.
    """
    shown = shown_tracks(result.tracks, level=level, min_length=min_length)
    opacity = _checked(opacity)
    height, width = result.size
    size = (height, 2 * width) if side_by_side else (height, width)
    with VideoWriter(path, fps=result.info.fps or DEFAULT_FPS if fps is None else fps, size=size) as writer:
        for frame in range(len(result)):
            writer.write(_drawn(result, video, frame, shown, opacity, side_by_side))
            if report:
                report.progress("render", frame + 1, len(result))


def shown_tracks(tracks: Tracks, *, level: str | None = None, min_length: int = 1) -> Bool[np.ndarray, " t"]:
    """Which tracks are of this level and at least this long; see `render_frame`.

    Raises:
        SettingsError: there is no such level.
    """
    is_long = tracks.n_frames >= min_length
    if level is None:
        return is_long
    if level not in LEVELS:
        raise SettingsError(f"--level is one of {', '.join(LEVELS)}, not {level!r}")
    return is_long & (tracks.level == LEVELS.index(level))


def _drawn(
    result: Result, video: Video, frame: int, shown: Bool[np.ndarray, " t"], opacity: float, side_by_side: bool
) -> UInt8[np.ndarray, "h w 3"]:
    rgb = video[frame].rgb
    masks = result.masks_at(frame)
    drawn = draw_masks(rgb, masks.take(shown[masks.track]), opacity=opacity)
    return np.concatenate([rgb, drawn], axis=1) if side_by_side else drawn


def _checked(opacity: float) -> float:
    if not 0 <= opacity <= 1:
        raise SettingsError(f"--opacity takes a number from 0 to 1, not {opacity:g}")
    return opacity
