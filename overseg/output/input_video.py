"""Finds the frames that a result was made from: a store holds masks, not pictures."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from overseg.data.video_info import ARRAYS, VideoInfo
from overseg.errors import InputError
from overseg.stages import Video
from overseg.store.result import Result
from overseg.video.buffered import BufferedVideo
from overseg.video.open import open_video

_WHICH_FRAMES = ("start", "end", "stride", "resize")


def open_input(result: Result, path: str | Path | Iterable[np.ndarray] | None = None) -> BufferedVideo:
    """Open the video that a result was made from, with the same frames and in the same size.

    Example:
        >>> with open_input(overseg.open("cup.zarr")) as video:  # doctest: +SKIP
        ...     video[0].rgb.shape
        (480, 854, 3)

    Args:
        result: the result to show.
        path: where the video is now, or its frames; None for where it was when the store was made.

    Raises:
        InputError: the video is missing, cannot be read, or is another one.
    """
    if path is None or isinstance(path, str | Path):
        path = Path(path) if path is not None else _recorded_path(result)
    chosen = result.identity["settings"]
    video = open_video(path, **{name: chosen[name] for name in _WHICH_FRAMES if name in chosen})
    try:
        _check_same(video.info, result, path if isinstance(path, Path) else ARRAYS)
    except InputError:
        video.close()
        raise
    return video


@contextmanager
def opened_input(result: Result, video: Video | str | Path | None = None) -> Iterator[Video]:
    """Yield the video that a result was made from; a video that the caller opened is used and stays open.

    Args:
        result: the result to show.
        video: the open video, or its path; None for where it was when the store was made.

    Raises:
        InputError: the video is missing, cannot be read, or is another one.
    """
    if video is None or isinstance(video, str | Path):
        with open_input(result, video) as opened:
            yield opened
    else:
        _check_same(video.info, result, video.info.name)
        yield video


def _recorded_path(result: Result) -> Path:
    recorded = result.provenance.get("input", result.info.name)
    if recorded == ARRAYS:
        raise InputError(f"{result.path} was made from arrays, which are not kept: give them again as `video`")
    if not Path(recorded).exists():
        raise InputError(
            f"{result.path} was made from {recorded}, which is missing: give its present path with --video"
        )
    return Path(recorded)


def _check_same(video: VideoInfo, result: Result, path: Path | str) -> None:
    for name, wanted, found in (
        ("content", f"sha256 {result.info.sha256[:12]}", f"sha256 {video.sha256[:12]}"),
        ("number of frames", result.info.n_frames, video.n_frames),
        ("height and width", result.info.size, video.size),
    ):
        if wanted != found:
            raise InputError(
                f"{path} is not the video that {result.path} was made from ({result.info.name}): its {name} is "
                f"{found}, expected {wanted}; give the path of the right one with --video"
            )
