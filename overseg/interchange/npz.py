"""A stack of masks for every view, for 3D segmentation: `<picture>.npz` with an array `masks` [n, height, width]."""

import zipfile
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Int32
from numpy.lib import format as npy

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.partitions import Partitions
from overseg.interchange.selection import Selection

_COLUMNS = ("track", "score", "sam_output")


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<picture>.npz`: `masks` bool [n, height, width], and by mask `track` int32, `score` and `sam_output`.

    Where masks are laid over each other on request, the stack has a full partition for each depth of the tree of
    tracks, one after the other; `depth` int32 says to which a mask belongs.
    """
    partitions = Partitions(selection) if selection.is_flat else None
    for frame, picture in zip(selection, pictures, strict=True):
        masks, columns = frame.masks, {}
        if partitions is not None:
            masks, columns["depth"] = _in_partitions(partitions, masks)
        columns |= {name: getattr(masks, name) for name in _COLUMNS}
        path = folder / f"{Path(picture).stem}.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, column in columns.items():
                with archive.open(f"{name}.npy", "w") as file:
                    npy.write_array(file, column, allow_pickle=False)
            with archive.open("masks.npy", "w", force_zip64=True) as file:
                _write_masks(file, masks.rles)


def _in_partitions(partitions: Partitions, masks: TrackMasks) -> tuple[TrackMasks, Int32[np.ndarray, " n"]]:
    """The masks of the partitions of all depths, without empty ones, and the depth of each."""
    found, depths = [masks.take(np.zeros(0, np.int64))], [np.zeros(0, np.int32)]
    for one in partitions.of(masks):
        seen = one.rles.area_px() > 0
        found.append(replace(one.masks, rles=one.rles).take(seen))
        depths.append(np.full(seen.sum(), one.depth, np.int32))
    return TrackMasks.concatenate(found), np.concatenate(depths)


def _write_masks(file: IO[bytes] | BufferedIOBase, rles: Rles) -> None:
    """Write the array as numpy does, one mask at a time."""
    header = {"descr": "|b1", "fortran_order": False, "shape": (len(rles), *rles.size)}
    npy.write_array_header_1_0(file, header)
    for row in range(len(rles)):
        file.write(rles.take([row]).to_masks().tobytes())
