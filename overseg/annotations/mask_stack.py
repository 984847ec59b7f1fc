"""A stack of masks [n, height, width] in an npz file, read a mask at a time: a false header costs no memory."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
from jaxtyping import Bool
from numpy.lib import format as npy

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.video.packets import refuse_absurd_size

BAD_ARCHIVE = (
    *(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error),
    *(NotImplementedError, RuntimeError),  # another compression, encrypted
    *(TokenError, SyntaxError),  # of numpy, in a header
)
_KINDS = "biu"  # of a dtype: booleans and whole numbers


@dataclass(frozen=True)
class MaskStack:
    """The array, of which the header is read.

    Attributes:
        file: where its content begins.
        n: number of masks.
        size: (height, width) of every mask, in pixels.
        dtype: of its values.
    """

    file: IO[bytes] | BufferedIOBase  # what a zip archive opens is the second
    n: int
    size: tuple[int, int]
    dtype: np.dtype

    def rles(self) -> Rles:
        """The masks, not 0 where mask; ValueError where there are fewer than the header states."""
        return Rles.concatenate(self.size, [Rles.from_masks(self._next()) for _ in range(self.n)])

    def _next(self) -> Bool[np.ndarray, "1 h w"]:
        n_bytes = self.size[0] * self.size[1] * self.dtype.itemsize
        content = self.file.read(n_bytes)
        if len(content) < n_bytes:
            raise ValueError("it ends too early")
        return np.frombuffer(content, self.dtype).reshape(1, *self.size) != 0


@contextmanager
def opened_stack(path: Path) -> Iterator[MaskStack]:
    """The array `masks` of an npz file, or its only one. Errors under this block become one line.

    Raises:
        InputError: there is none, it is none of masks, or it ends too early.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_member(archive)) as file:
            yield _stack(file, path)
    except BAD_ARCHIVE as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        raise InputError(f"expected an array `masks` [n, height, width] in {path}, cannot read one: {reason}") from e


def _member(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    return names[0] if len(names) == 1 else "masks.npy"


def _stack(file: IO[bytes] | BufferedIOBase, path: Path) -> MaskStack:
    major, _ = npy.read_magic(file)
    header = npy.read_array_header_1_0(file) if major == 1 else npy.read_array_header_2_0(file)
    shape, fortran_order, dtype = header
    if len(shape) != 3 or fortran_order or dtype.kind not in _KINDS or min(shape) < 0 or min(shape[1:]) < 1:
        raise ValueError(f"{dtype} {list(shape)}, not bool [n, height, width] in rows")
    refuse_absurd_size((shape[1], shape[2]), path)
    return MaskStack(file, shape[0], (shape[1], shape[2]), dtype)
