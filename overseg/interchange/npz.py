"""A stack of masks for every view, for 3D segmentation: `<picture>.npz` with an array `masks` [n, height, width]."""

import zipfile
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from numpy.lib import format as npy

from overseg.data.rles import Rles
from overseg.interchange.selection import Selection

_COLUMNS = ("score", "sam_output")


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<picture>.npz`: `masks` bool [n, height, width], and by mask `track` int32, `score` and `sam_output`."""
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
    """Write the array as numpy does, one mask at a time."""
    header = {"descr": "|b1", "fortran_order": False, "shape": (len(rles), *rles.size)}
    npy.write_array_header_1_0(file, header)
    for row in range(len(rles)):
        file.write(rles.take([row]).to_masks().tobytes())
