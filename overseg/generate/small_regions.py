"""Removes small holes and islands of masks in RLE."""

import numpy as np
from jaxtyping import Bool

from overseg.data.rles import Rles
from overseg.generate.upstream import import_part

_MASKS_AT_ONCE = 64


def without_small_regions(rles: Rles, min_area_px: int) -> tuple[Rles, Bool[np.ndarray, " n"]]:
    """Masks without holes, and then without islands, of less than this area, as segment_anything removes them.

    Of a mask that consists of small islands only, the largest is kept.

    Returns:
        The masks, and which of them changed.
    """
    changed = np.zeros(len(rles), bool)
    counts = list(rles.counts)
    for start in range(0, len(rles), _MASKS_AT_ONCE):
        rows = np.arange(start, min(start + _MASKS_AT_ONCE, len(rles)))
        chunk = rles.take(rows)
        for row, mask, box in zip(rows, chunk.to_masks(), chunk.boxes_xywh().astype(int), strict=True):
            changed[row] = _clean(mask[_around(box, min_area_px)], min_area_px)
            if changed[row]:
                counts[row] = Rles.from_masks(mask[None]).counts[0]
    return Rles(rles.size, tuple(counts)), changed


def _around(box_xywh: np.ndarray, margin_px: int) -> tuple[slice, slice]:
    """Rows and columns of a box with a margin. Background that continues outside has at least `margin_px` pixels
    inside, and so is no small hole."""
    x, y, width, height = box_xywh
    rows = slice(max(y - margin_px, 0), y + height + margin_px)
    return rows, slice(max(x - margin_px, 0), x + width + margin_px)


def _clean(mask: Bool[np.ndarray, "y x"], min_area_px: int) -> bool:
    """Remove small holes and islands of a mask in place, and return whether it had any."""
    remove_small_regions = import_part("utils.amg").remove_small_regions
    filled, had_holes = remove_small_regions(mask, min_area_px, "holes")
    cleaned, had_islands = remove_small_regions(filled, min_area_px, "islands")
    mask[...] = cleaned
    return had_holes or had_islands
