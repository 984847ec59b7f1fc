"""Opens a video file or a folder of images as the frames to process."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from overseg.errors import InputError, SettingsError, nothing_at
from overseg.stages import Report
from overseg.video.array_source import ArraySource
from overseg.video.buffered import BufferedVideo
from overseg.video.file_source import FileSource
from overseg.video.image_file import IMAGE_SUFFIXES
from overseg.video.image_source import ImageSource, PagesSource, has_pages
from overseg.video.source import PictureSource

DEFAULT_CACHE_BYTES = 256 * 2**20
WHICH_FRAMES = ("start", "end", "stride", "resize", "deinterlace")  # settings that say which frames, and how


def open_video(
    path: str | Path | Iterable[Any],
    *,
    start: int = 0,
    end: int | None = None,
    stride: int = 1,
    resize: int | None = None,
    deinterlace: bool = False,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
) -> BufferedVideo:
    """Open a video file, a folder of images, one image and its pages, or arrays.

    Example:
        >>> video = open_video("cup.mp4", start=100, stride=2, resize=960)  # doctest: +SKIP
        >>> video[0].rgb.shape, video.info.fps  # doctest: +SKIP
        ((540, 960, 3), 12.5)

    Args:
        path: a file in any container that FFmpeg reads, a folder of images, one image file, whose pages are then the
            frames, or arrays of uint8 [h, w, 3].
        start: number of the first frame to process, from 0, counted over the frames that can be decoded.
        end: number of the frame before which to stop; None, or a number past the last frame, for all.
        stride: process every `stride`-th frame.
        resize: longer side in pixels to which frames are shrunk, never enlarged; None keeps their size.
        deinterlace: keep one field of each frame of a video file, and interpolate the rows of the other.
        cache_bytes: memory for decoded frames, in bytes; a backward run is fast if a few frames fit.

    Raises:
        SettingsError: an option has an impossible value.
        InputError: the input is missing, unreadable, not a video, or contains no frame.
    """
    _check_whole("start", start, least=0)
    _check_whole("stride", stride, least=1)
    _check_whole("cache_bytes", cache_bytes, least=0)
    if end is not None:
        _check_whole("end", end, least=1)
    if resize is not None:
        _check_whole("resize", resize, least=1)
    if end is not None and end <= start:
        raise SettingsError(f"--end ({end}) must be after --start ({start}): frames from start up to end")
    source = _open_source(path, deinterlace=deinterlace)
    n_frames = len(source.timestamps_s)
    if start >= n_frames:
        source.close()
        raise SettingsError(f"--start is {start}, but {path} has {n_frames} frames; give a number below that")
    numbers = range(start, n_frames if end is None else min(end, n_frames), stride)
    return BufferedVideo(source, numbers, resize=resize, cache_bytes=cache_bytes)


def open_chosen(
    path: str | Path | Iterable[Any], settings: Mapping[str, Any], report: Report | None = None
) -> BufferedVideo:
    """Open the frames that settings choose, those of WHICH_FRAMES; others do not matter here.

    Args:
        path: as in `open_video`.
        settings: by name.
        report: gets a remark about colours and fields that had to be assumed or changed.

    Raises:
        SettingsError, InputError: as in `open_video`.
    """
    video = open_video(path, **{name: settings[name] for name in WHICH_FRAMES if name in settings})
    if report is not None:
        for line in video.remarks:
            report.event("remark", line=line)
    return video


def _open_source(path: str | Path | Iterable[Any], *, deinterlace: bool) -> PictureSource:
    if isinstance(path, Iterable) and not isinstance(path, str | bytes):
        return ArraySource(path)
    if not isinstance(path, str | Path) or not str(path):
        raise InputError(f"expected the path of a video file or of a folder of images, got {path!r}")
    path = Path(path)
    try:
        is_folder, is_file = path.is_dir(), path.exists()
    except (OSError, ValueError) as e:
        raise InputError(f"cannot access {path}: {e}; check the path and its permissions") from e
    if is_folder or (is_file and path.suffix.lower() in IMAGE_SUFFIXES):
        return PagesSource(path) if is_file and not is_folder and has_pages(path) else ImageSource(path)
    if not is_file:
        raise InputError(f"{nothing_at(path)}; give the path of a video or of a folder of images")
    return FileSource(path, deinterlace=deinterlace)


def _check_whole(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{name} must be a whole number of at least {least}, got {value!r}")
