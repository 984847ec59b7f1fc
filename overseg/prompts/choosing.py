"""Which of many masks of a frame are worth following, where nobody says it."""

import numpy as np
from jaxtyping import Bool

from overseg.data.crops import crops
from overseg.data.rles import Rles


def largest_objects(rles: Rles, *, max_objects: int = 3, min_area_px: int = 500, max_iou: float = 0.9) -> Rles:
    """The largest masks of a frame, without specks and without duplicates, by falling area.

    Args:
        rles: masks of one frame.
        max_objects: so many are kept at most.
        min_area_px: connected parts of a mask that are smaller are removed from it, in pixels.
        max_iou: of two masks that overlap by more, the larger is kept, and of equal ones the earlier.
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
    """The masks with what is connected to fewer pixels removed; some may be empty then."""
    parts = []
    for (columns, rows), mask in crops(rles):
        whole = np.zeros(rles.size[::-1], dtype=bool)
        whole[columns, rows] = _large_parts(mask, min_area_px)
        parts.append(Rles.from_masks(whole.T[None]))
    return Rles.concatenate(rles.size, parts)


def _large_parts(mask: Bool[np.ndarray, "x y"], min_area_px: int) -> Bool[np.ndarray, "x y"]:
    """What is connected, diagonals included, to at least so many pixels."""
    import cv2

    if not mask.size:
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    is_large = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    is_large[0] = False  # what is no mask
    return is_large[labels]
