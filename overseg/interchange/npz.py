"""A stack of masks for every view, for 3D segmentation: `<picture>.npz` with an array `masks` [n, height, width]."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from tokenize import TokenError  # of numpy, where a header is cut off
from typing import IO

import numpy as np
from numpy.lib import format as npy

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.folders import files_in_order
from overseg.interchange.imported import LARGEST_ID, Imported, imported_masks
from overseg.interchange.selection import Selection
from overseg.video.packets import refuse_absurd_size

_BAD = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, TokenError, NotImplementedError)
_File = IO[bytes] | BufferedIOBase  # what a zip archive opens is the second
_COLUMNS = ("score", "level")


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<picture>.npz`: `masks` bool [n, height, width], and by mask `track` int32, `score` and `level`."""
    for frame, picture in zip(selection, pictures, strict=True):
        masks = frame.masks
        path = folder / f"{Path(picture).stem}.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name in ("track", *_COLUMNS):
                with archive.open(f"{name}.npy", "w") as file:
                    npy.write_array(file, getattr(masks, name), allow_pickle=False)
            with archive.open("masks.npy", "w", force_zip64=True) as file:
                _write_masks(file, masks.rles)


def _write_masks(file: _File, rles: Rles) -> None:
    """As numpy would, a mask at a time."""
    header = {"descr": "|b1", "fortran_order": False, "shape": (len(rles), *rles.size)}
    npy.write_array_header_1_0(file, header)
    for row in range(len(rles)):
        file.write(rles.take([row]).to_masks().tobytes())


def read(source: Path) -> Imported:
    """Read a folder of npz files, a frame each in the order of their names.

    Without `track` every mask is an object of its own number on its frame, so that row i of all files is one object.

    Raises:
        InputError: a file cannot be read, or has another size than the first.
    """
    files = files_in_order(source, ".npz")
    with _opened(files[0]) as (_, shape):
        size = (shape[1], shape[2])
    return Imported(size=size, n_frames=len(files), frames=(_masks(file, size) for file in files), name=source.name)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[_File, tuple[int, int, int]]]:
    """The array `masks`, whose header is read and whose content follows, and its shape."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("masks.npy") as file:
            major, _ = npy.read_magic(file)
            header = npy.read_array_header_1_0(file) if major == 1 else npy.read_array_header_2_0(file)
            shape, fortran_order, dtype = header
            if len(shape) != 3 or fortran_order or dtype not in (np.dtype(bool), np.dtype(np.uint8)):
                raise ValueError(f"{dtype} {list(shape)}, not bool [n, height, width] in rows")
            refuse_absurd_size((shape[1], shape[2]), path)
            yield file, shape
    except _BAD as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        raise InputError(f"expected an array `masks` [n, height, width] in {path}, cannot read one: {reason}") from e


def _masks(path: Path, size: tuple[int, int]) -> TrackMasks:
    with _opened(path) as (file, shape):
        if shape[1:] != size:
            raise ValueError(f"masks of {shape[2]} x {shape[1]} px, and of {size[1]} x {size[0]} px in the first file")
        parts = [Rles.from_masks(_next_mask(file, size)) for _ in range(shape[0])]
        known = _columns(path, len(parts))
    ids = known.pop("track", np.arange(len(parts), dtype=np.int64))
    return imported_masks(Rles.concatenate(size, parts), ids, **known)


def _next_mask(file: _File, size: tuple[int, int]) -> np.ndarray:
    n_pixels = size[0] * size[1]
    content = file.read(n_pixels)
    if len(content) < n_pixels:
        raise ValueError("it ends too early")
    return np.frombuffer(content, np.uint8).reshape(1, *size) != 0


def _columns(path: Path, n: int) -> dict[str, np.ndarray]:
    """What else is known of each mask, where it is there."""
    ranges = {"track": (np.int64, 0, LARGEST_ID), "score": (np.float32, 0, 1), "level": (np.int8, -1, 2)}
    columns: dict[str, np.ndarray] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name, (dtype, low, high) in ranges.items():
            if name not in arrays.files:
                continue
            column = arrays[name]
            if column.shape != (n,) or column.dtype.kind not in "iuf" or not ((column >= low) & (column <= high)).all():
                raise ValueError(f"{name} is not one number from {low} to {high} for each of the {n} masks")
            columns[name] = column.astype(dtype)
    return columns
