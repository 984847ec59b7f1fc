"""A stack of masks for every frame: `<picture>.npz` with an array `masks` [n, height, width]."""

from pathlib import Path

import numpy as np

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import files_in_order
from overseg.annotations.left_out import LeftOut
from overseg.annotations.mask_stack import opened_stack
from overseg.annotations.objects import LARGEST_ID
from overseg.annotations.values import EMPTY, check_size

_RANGES = {"track": (np.int64, 0, LARGEST_ID), "score": (np.float32, 0, 1), "sam_output": (np.int8, -1, 2)}
_EARLIER_NAMES = {"level": "sam_output"}  # by what earlier exports call a column


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of npz files, a frame each.

    Without `track`, row i of all files is one object.

    Raises:
        InputError: a file cannot be read, or has another size than the first.
    """
    files, left_out = files_in_order(source, ".npz"), LeftOut()
    size = size or read_stack_size(files[0])
    pictures = tuple(Picture(str(file), file.name) for file in files)

    def masks(row: int) -> PictureMasks:
        return read_stack(files[row], size, left_out)

    return Annotations(source, size, pictures, masks, left_out=left_out, name=source.name)


def read_stack(path: Path, size: tuple[int, int], left_out: LeftOut) -> PictureMasks:
    """The masks of one file, not 0 where mask, with the columns that it has; empty ones are counted as left out.

    Raises:
        InputError: it cannot be read, or its masks have another size.
    """
    with opened_stack(path) as stack:
        check_size(stack.size, size, path)
        rles = stack.rles()
        columns = _columns(path, len(rles))
    ids = columns.pop("track", np.arange(len(rles), dtype=np.int64))
    kept = np.flatnonzero(rles.area_px() > 0)
    for _ in range(len(rles) - len(kept)):
        left_out.add(EMPTY)
    return PictureMasks(rles.take(kept), ids[kept], {name: column[kept] for name, column in columns.items()})


def read_stack_masks(path: Path, size: tuple[int, int], left_out: LeftOut) -> PictureMasks:
    """The same, each mask an object of its own, without columns.

    Raises:
        InputError: it cannot be read, or its masks have another size.
    """
    rles = read_stack(path, size, left_out).rles
    return PictureMasks(rles, np.arange(len(rles), dtype=np.int64))


def read_stack_size(path: Path) -> tuple[int, int]:
    """(height, width) of the masks in one file.

    Raises:
        InputError: it cannot be read.
    """
    with opened_stack(path) as stack:
        return stack.size


def _columns(path: Path, n: int) -> dict[str, np.ndarray]:
    """What else the file has of each mask."""
    columns: dict[str, np.ndarray] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for stored in {*arrays.files} & {*_RANGES, *_EARLIER_NAMES}:
            name = _EARLIER_NAMES.get(stored, stored)
            dtype, low, high = _RANGES[name]
            column = arrays[stored]
            if not isinstance(column, np.ndarray):
                raise ValueError(f"{stored} is no array")
            if column.shape != (n,) or column.dtype.kind not in "iuf" or not ((column >= low) & (column <= high)).all():
                raise ValueError(f"{stored} is not one number from {low} to {high} for each of the {n} masks")
            columns[name] = column.astype(dtype)
    return columns
