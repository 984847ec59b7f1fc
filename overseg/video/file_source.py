"""Pictures of a video file, in any container and codec that FFmpeg reads."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, UInt8

from overseg.video.colour import Colours
from overseg.video.decoder import FrameDecoder
from overseg.video.fingerprint import fingerprint
from overseg.video.orientation import display_matrix, is_turned, upright
from overseg.video.packets import refuse_absurd_size
from overseg.video.timeline import read_timeline

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


_ROUNDED_FRAMES = 0.5  # rounding of times to milliseconds shifts a constant rate by less than half a frame in all


class FileSource:
    """One video file. Pictures are rotated as the container says; alpha is dropped; pixels count as square.

    If the picture size changes within the file, later pictures are scaled to the size of the first. `Colours` says how
    colours are read.
    """

    def __init__(self, path: Path, *, deinterlace: bool = False) -> None:
        """
        Args:
            path: the file.
            deinterlace: take one of the two fields of each frame, and interpolate the rows of the other.
        """
        self._path = path
        self._timeline = read_timeline(path)
        self._decoder = FrameDecoder(path, self._timeline)
        first = self._decoder.frame(0)
        self._stored_size = first.height, first.width
        refuse_absurd_size(self._stored_size, path)
        self._display_matrix = display_matrix(first)
        self._colours = Colours.of(first)
        self._is_interlaced, self._deinterlace = first.interlaced_frame, deinterlace
        self._size = self._to_rgb(first).shape[:2]

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def stems(self) -> tuple[str, ...]:
        return ()

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    @property
    def pixel_aspect(self) -> Fraction:
        stored = self._decoder.pixel_aspect
        return 1 / stored if is_turned(self._display_matrix) else stored

    @property
    def remarks(self) -> tuple[str, ...]:
        fields = None
        if self._is_interlaced and not self._deinterlace:
            fields = "is interlaced: frames mix two moments; --deinterlace keeps one of them"
        return tuple(f"{self._path} {line}" for line in (self._colours.remark, fields) if line)

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return self._timeline.timestamp_s

    @property
    def n_lost(self) -> int:
        return self._timeline.n_lost

    def fps(self, numbers: range) -> float:
        nominal_fps = self._timeline.nominal_fps
        seconds = float(self.timestamps_s[numbers[-1]] - self.timestamps_s[numbers[0]])
        if abs(seconds * nominal_fps - (numbers[-1] - numbers[0])) < _ROUNDED_FRAMES:
            return nominal_fps / numbers.step
        return (len(numbers) - 1) / seconds

    def sha256(self) -> str:
        return fingerprint([self._path], with_names=False)

    def decoding_start(self, number: int) -> int:
        return self._timeline.anchor_before(number)

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for number in numbers:
            yield self._to_rgb(self._decoder.frame(number))

    def close(self) -> None:
        self._decoder.close()

    def _to_rgb(self, frame: "VideoFrame") -> UInt8[np.ndarray, "h w 3"]:
        rgb = self._colours.rgb(frame, self._stored_size)
        return upright(_upper_field(rgb) if self._deinterlace else rgb, self._display_matrix)


def _upper_field(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture of the even rows alone; each odd one is the mean of its neighbours."""
    rows = rgb[0::2].astype(np.uint16)
    below = np.concatenate([rows[1:], rows[-1:]])
    whole = rgb.copy()
    whole[1::2] = ((rows + below + 1) // 2)[: rgb.shape[0] // 2]
    return whole
