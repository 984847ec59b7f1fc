"""Where drawn frames are written: one video file, or a folder with one picture per frame."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from overseg.errors import SettingsError, did_you_mean
from overseg.output.picture_file import PICTURE_SUFFIXES, check_picture_name, write_picture
from overseg.output.playback import Playback
from overseg.output.video_writer import VIDEO_SUFFIXES, VideoWriter, check_video_name

Sink = Callable[[int, UInt8[np.ndarray, "h w c"]], None]


def is_video(format: str) -> bool:
    """Whether a format (a file name ending without its dot) is a video format."""
    return f".{format}" in VIDEO_SUFFIXES


def is_video_name(path: str | Path) -> bool:
    """Whether a destination is a video file by its ending; otherwise it is a folder of pictures."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def check_format(format: str, *, channels: int) -> None:
    """Check that frames with this number of channels can be written in a format (an ending without its dot).

    Raises:
        SettingsError: the format is unknown, or holds no alpha.
    """
    if is_video(format):
        check_video_name(f"frames.{format}", alpha=channels == 4)
    elif f".{format}" in PICTURE_SUFFIXES:
        check_picture_name(f"frame.{format}", channels=channels)
    else:
        known = [suffix[1:] for suffix in (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES)]
        raise SettingsError(f"--format is one of {', '.join(known)}, not {format!r}{did_you_mean(format, known)}")


@contextmanager
def open_sink(
    path: Path, *, format: str, playback: Playback, size: tuple[int, int], channels: int, quality: int
) -> Iterator[Sink]:
    """Yield a function that writes a frame, given its number and its picture.

    Args:
        path: the video file to write, or the folder to fill with `frame_<number>.<format>`; created if missing.
        format: file name ending without its dot, of a video or of pictures.
        playback: how a video is shown.
        size: (height, width) of the pictures in pixels.
        channels: number of channels of the pictures, as in `Style`.
        quality: of jpg and webp, from 1 to 100.
    """
    if is_video(format):
        with VideoWriter(path, playback, size, alpha=channels == 4) as writer:
            yield lambda frame, picture: writer.write(picture)
    else:
        path.mkdir(exist_ok=True)
        yield lambda frame, picture: write_picture(path / f"frame_{frame:05d}.{format}", picture, quality=quality)
