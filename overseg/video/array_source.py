"""Pictures that a Python program has in memory, or makes one by one."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from overseg.data.video_info import ARRAYS
from overseg.errors import InputError
from overseg.video.image_source import NOMINAL_FPS
from overseg.video.packets import refuse_absurd_size


class ArraySource:
    """Arrays of uint8 [h, w, 3] as the frames of a video. Time is unknown, as in a folder of images.

    The frames are copied to a temporary file, so that memory does not grow with their number and a generator is read
    once only. The file is deleted when the source is closed, and takes 3 bytes per pixel.
    """

    pixel_aspect = Fraction(1)
    remarks = ()

    def __init__(self, frames: Iterable[Any]) -> None:
        """
        Args:
            frames: at least one, uint8 [h, w, 3], all of one size; or one such array, a single picture.

        Raises:
            InputError: one is no such array, has another size, or there is none.
        """
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed with the source
        self._shape: tuple[int, ...] = ()
        self._n_frames, digest = 0, hashlib.sha256()
        is_picture = isinstance(frames, np.ndarray) and frames.ndim == 3
        for number, frame in enumerate([frames] if is_picture else frames):
            self._check(frame, number)
            content = np.ascontiguousarray(frame).tobytes()
            digest.update(content)
            self._file.write(content)
            self._n_frames += 1
        if not self._n_frames:
            raise InputError("expected at least one frame, an array of uint8 [height, width, 3], got none")
        self._sha256 = digest.hexdigest()

    @property
    def name(self) -> str:
        return ARRAYS

    @property
    def stems(self) -> tuple[str, ...]:
        return ()

    @property
    def size(self) -> tuple[int, int]:
        return self._shape[0], self._shape[1]

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return np.arange(self._n_frames) / NOMINAL_FPS

    @property
    def n_lost(self) -> int:
        return 0

    def fps(self, numbers: range) -> float:
        return 0.0

    def sha256(self) -> str:
        return self._sha256

    def decoding_start(self, number: int) -> int:
        return number

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        n_bytes = int(np.prod(self._shape))
        for number in numbers:
            self._file.seek(number * n_bytes)
            yield np.frombuffer(self._file.read(n_bytes), np.uint8).reshape(self._shape)

    def close(self) -> None:
        self._file.close()

    def _check(self, frame: object, number: int) -> None:
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            found = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise InputError(f"frame {number}: expected an array of uint8 [height, width, 3], got {found}")
        if self._shape and frame.shape != self._shape:
            raise InputError(f"frame {number}: expected the size of the first frame, {self._shape}, got {frame.shape}")
        if not self._shape:
            refuse_absurd_size((frame.shape[0], frame.shape[1]), Path("frame 0"))
            self._shape = frame.shape
