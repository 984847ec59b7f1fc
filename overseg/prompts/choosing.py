"""Chooses the largest objects among the masks of a frame."""

import numpy as np
from jaxtyping import Bool

from overseg.data.crops import crops
from overseg.data.rles import Rles


def largest_objects(rles: Rles, *, max_objects: int = 3, min_area_px: int = 500, max_iou: float = 0.9) -> Rles:
    """Return the largest masks of a frame by decreasing area, without small parts and without duplicates.

    Args:
        rles: masks of one frame.
        max_objects: maximum number of masks.
        min_area_px: smaller connected parts of a mask are removed from it; in pixels.
        max_iou: of two masks with a larger IoU, the larger is kept; the earlier if both are equal.
    """
    cleaned = without_specks(rles, min_area_px)
    area_px = cleaned.area_px()
    order = np.argsort(-area_px, kind="stable")
    order = order[area_px[order] > 0]
    iou = cleaned.iou(cleaned)
    kept: list[int] = []
    for row in order.tolist():
        if len(kept) < max_objects and not (iou[row, kept] > max_iou).any():
            kept.append(row)
    return cleaned.take(kept)


def without_specks(rles: Rles, min_area_px: int) -> Rles:
    """Return the masks without connected parts below `min_area_px`; some may be empty."""
    parts = []
    for (columns, rows), mask in crops(rles):
        whole = np.zeros(rles.size[::-1], dtype=bool)
        whole[columns, rows] = _large_parts(mask, min_area_px)
        parts.append(Rles.from_masks(whole.T[None]))
    return Rles.concatenate(rles.size, parts)


def _large_parts(mask: Bool[np.ndarray, "x y"], min_area_px: int) -> Bool[np.ndarray, "x y"]:
    """The connected parts (8-connectivity) of at least `min_area_px` pixels."""
    import cv2

    if not mask.size:
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    is_large = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    is_large[0] = False  # the background
    return is_large[labels]
