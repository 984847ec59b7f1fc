"""Maps of objects in which one value stands for pixels of which nothing is known."""

from pathlib import Path

import numpy as np
from jaxtyping import Integer

from overseg.annotations.annotations import PictureMasks
from overseg.annotations.png import VOID, masks_of_numbers, read_numbers

KITTI_VOID = 10_000  # of maps whose other values are 1000 times the class, and the object's number in it
_KITTI_VALUES = range(1000, 3000)


def masks_of_map(pixels: Integer[np.ndarray, "h w"], *, void: int | None) -> PictureMasks:
    """The mask of each value in a map but 0, with the void pixels apart; `void` is None where no value stands for them.

    In maps of more than 8 bits, `VOID` is an object like others, and 10000 is void where all other values are as in
    KITTI MOTS.
    """
    rles, ids = masks_of_numbers(pixels)
    if void == VOID and pixels.dtype != np.uint8:
        void = KITTI_VOID if _is_kittis(ids.tolist()) else None
    is_void = ids == void
    if not is_void.any():
        return PictureMasks(rles, ids)
    kept = np.flatnonzero(~is_void)
    return PictureMasks(rles.take(kept), ids[kept], void=rles.take(np.flatnonzero(is_void)).union())


def _is_kittis(values: list[int]) -> bool:
    return all(value in _KITTI_VALUES for value in values if value != KITTI_VOID)


def void_of(files: list[Path], size: tuple[int, int]) -> int | None:
    """`VOID`, where some pixel of the maps has another value than 0 and 255; else None: 255 is the one object there.

    Reads only as far as it must.
    """
    for file in files:
        pixels = read_numbers(file, size)
        if ((pixels != 0) & (pixels != VOID)).any():
            return VOID
    return None
