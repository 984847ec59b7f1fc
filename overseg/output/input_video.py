"""Finds the frames that a result was made from: a store holds masks, not pictures."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from overseg.data.video_info import ARRAYS, VideoInfo
from overseg.errors import InputError
from overseg.output.grey_video import GreyVideo
from overseg.stages import Video
from overseg.store.result import Result
from overseg.video.buffered import BufferedVideo
from overseg.video.open import open_chosen

WITHOUT_VIDEO = "without_video"  # in the provenance of a result that was imported without the video


def open_input(
    result: Result, path: str | Path | Iterable[np.ndarray] | None = None, *, shrunk: bool = True
) -> BufferedVideo:
    """Open the video that a result was made from, with the same frames and in the same size.

    Example:
        >>> with open_input(overseg.open("cup.zarr")) as video:  # doctest: +SKIP
        ...     video[0].rgb.shape
        (480, 854, 3)

    Args:
        result: the result to show.
        path: where the video is now, or its frames; None for where it was when the store was made.
        shrunk: as the run shrank its frames; otherwise in the size of the input.

    Raises:
        InputError: the video is missing, cannot be read, or is another one.
    """
    if path is None or isinstance(path, str | Path):
        path = Path(path) if path is not None else _recorded_path(result)
    called = path if isinstance(path, Path) else ARRAYS
    video = open_chosen(path, result.identity["settings"])
    try:
        if is_without_video(result):
            _check_fits(video.info, result, called)
        else:
            _check_same(video.info, result, called)
    except InputError:
        video.close()
        raise
    if shrunk or video.info.size == video.source_size:
        return video
    video.close()
    return open_chosen(path, {**result.identity["settings"], "resize": None})


@contextmanager
def opened_input(result: Result, video: Video | str | Path | None = None) -> Iterator[Video]:
    """Yield the video that a result was made from; a video that the caller opened is used and stays open.

    The frames of a result that was imported without a video are grey, unless a video is given now.

    Args:
        result: the result to show.
        video: the open video, or its path; None for where it was when the store was made.

    Raises:
        InputError: the video is missing, cannot be read, or is another one.
    """
    if video is None and is_without_video(result):
        yield GreyVideo(result)
    elif video is None or isinstance(video, str | Path):
        with open_input(result, video) as opened:
            yield opened
    else:
        _check_same(video.info, result, video.info.name)
        yield video


def is_without_video(result: Result) -> bool:
    """Whether a result was imported without the video that its masks are of."""
    return bool(result.provenance.get(WITHOUT_VIDEO))


def source_numbers(result: Result) -> range:
    """The number in the input of each frame of a result, before `--start`, `--end` and `--stride`."""
    chosen = result.identity["settings"]
    start, stride = int(chosen.get("start") or 0), int(chosen.get("stride") or 1)
    return range(start, start + len(result) * stride, stride)


def source_size_of(result: Result, video: str | Path | None = None) -> tuple[int, int]:
    """(height, width) of the pictures that a result was made from, before they were shrunk.

    Args:
        result: of which the pictures are asked for.
        video: where they are now; None for where they were.

    Raises:
        InputError: the run shrank its frames, and they are missing or others now.
    """
    if result.identity["settings"].get("resize") is None:
        return result.size
    with open_input(result, video) as opened:
        return opened.source_size


def _recorded_path(result: Result) -> Path:
    recorded = result.provenance.get("input", result.info.name)
    if recorded == ARRAYS:
        raise InputError(f"{result.path} was made from arrays, which are not kept: give them again as `video`")
    if not Path(recorded).exists():
        raise InputError(
            f"{result.path} was made from {recorded}, which is missing: give its present path with --video"
        )
    return Path(recorded)


def _check_fits(video: VideoInfo, result: Result, path: Path | str) -> None:
    """Refuse a video that masks imported without one cannot be of."""
    if video.size != result.size or video.n_frames < len(result):
        raise InputError(
            f"{path} has {video.n_frames} frames of {video.width} x {video.height} px, but the masks in {result.path} "
            f"are of {len(result)} frames of {result.size[1]} x {result.size[0]} px: give the video they are of"
        )


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
