"""Clips whose frames say their own number: eight blocks, white where the number has a bit set.

    +------------------+
    | # . # . . . . .  |   5
    |                  |
    +------------------+

The number survives any codec, any shrinking to a third, and is read off the picture.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (64, 96)
FPS = 25
_BITS = 8


def numbered(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture of this number (below 256), uint8 [h, w, 3]."""
    rgb = np.full((*size, 3), 40, np.uint8)
    for bit in range(_BITS):
        if number >> bit & 1:
            rgb[_block(bit, size)] = 220
    return rgb


def number_in(rgb: np.ndarray) -> int:
    """The number that a picture shows."""
    return sum(1 << bit for bit in range(_BITS) if rgb[_block(bit, rgb.shape[:2])].mean() > 130)


def numbers_in(video: Sequence) -> list[int]:
    """The numbers that all frames of a video show, in order."""
    return [number_in(video[index].rgb) for index in range(len(video))]


def write_clip(
    path: Path,
    n_frames: int = 60,
    *,
    codec: str = "libx264",
    container_format: str | None = None,
    pixels: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    keyframe_every: int = 12,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    rotation: tuple[float, bool] | None = None,
    picture: Callable[[int, tuple[int, int]], np.ndarray] = numbered,
) -> Path:
    """Write a clip; x264 makes B-frames unless told otherwise.

    Args:
        ticks: presentation time of each frame in 1/25 s; None for one after the other from 0.
        rotation: degrees counter-clockwise and whether to mirror, written as the container's display matrix.
    """
    with av.open(str(path), "w", format=container_format, container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=FPS, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        stream.gop_size = keyframe_every
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        for number in range(n_frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame.pts = number if ticks is None else ticks[number]
            frame.time_base = Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def packets_of(path: Path) -> list[tuple[int, int, bool]]:
    """(place in the file, size in bytes, is a keyframe) of each packet, in the order of the file."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size, p.is_keyframe) for p in container.demux(video=0) if p.size]


def _block(bit: int, size: tuple[int, int]) -> tuple[slice, slice]:
    height, width = size
    left = width * (8 + 10 * bit) // 96
    return slice(height // 8, height * 5 // 8), slice(left, width * (16 + 10 * bit) // 96)
