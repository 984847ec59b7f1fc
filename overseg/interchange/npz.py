"""A stack of masks for every view, for 3D segmentation: `<picture>.npz` with an array `masks` [n, height, width]."""

import zipfile
from io import BufferedIOBase
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.generate.mask_stack import opened_stack
from overseg.interchange.folders import files_in_order
from overseg.interchange.imported import LARGEST_ID, Imported, imported_masks
from overseg.interchange.selection import Selection

_COLUMNS = ("score", "sam_output")


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


def _write_masks(file: IO[bytes] | BufferedIOBase, rles: Rles) -> None:
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
    with opened_stack(files[0]) as stack:
        size = stack.size
    return Imported(size=size, n_frames=len(files), frames=(_masks(file, size) for file in files), name=source.name)


def _masks(path: Path, size: tuple[int, int]) -> TrackMasks:
    with opened_stack(path) as stack:
        if stack.size != size:
            raise ValueError(
                f"masks of {stack.size[1]} x {stack.size[0]} px, and of {size[1]} x {size[0]} px in the first"
            )
        rles = stack.rles()
        known = _columns(path, len(rles))
    ids = known.pop("track", np.arange(len(rles), dtype=np.int64))
    return imported_masks(rles, ids, **known)


def _columns(path: Path, n: int) -> dict[str, np.ndarray]:
    """What else is known of each mask, where it is there."""
    ranges = {"track": (np.int64, 0, LARGEST_ID), "score": (np.float32, 0, 1), "level": (np.int8, -1, 2)}
    columns: dict[str, np.ndarray] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name, (dtype, low, high) in ranges.items():
            if name not in arrays.files:
                continue
            column = arrays[name]
            if not isinstance(column, np.ndarray):
                raise ValueError(f"{name} is no array")
            if column.shape != (n,) or column.dtype.kind not in "iuf" or not ((column >= low) & (column <= high)).all():
                raise ValueError(f"{name} is not one number from {low} to {high} for each of the {n} masks")
            columns[name] = column.astype(dtype)
    return columns
