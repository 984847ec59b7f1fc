"""Which of many masks are kept: no near-duplicates, none too small, at most so many, the most reliable first."""

import numpy as np
from jaxtyping import Bool, Float, Int

from overseg.data.masks import KeyframeMasks


def distinct(iou: Float[np.ndarray, "n n"], order: Int[np.ndarray, " n"], max_iou: float) -> Int[np.ndarray, " k"]:
    """Rows that remain when each row, in this order, removes all later ones that it overlaps by more than `max_iou`.

    Masks decide, not boxes, so that two different regions with the same box both live.

    Returns:
        The kept row numbers, in the given order.
    """
    alive = np.ones(len(order), dtype=bool)
    kept = []
    for row in order:
        if alive[row]:
            kept.append(row)
            alive &= iou[row] <= max_iou
    return np.array(kept, dtype=np.int64)


def keep_masks(
    masks: KeyframeMasks,
    *,
    min_area_px: int,
    max_masks: int | None,
    max_iou: float,
    first: Bool[np.ndarray, " n"] | None = None,
) -> KeyframeMasks:
    """The masks a generator returns, out of all it found.

    Args:
        masks: all that were found.
        min_area_px: smaller masks are dropped; empty ones always are.
        max_masks: only so many of the largest are kept; None keeps all.
        max_iou: of two masks that overlap by more, the more reliable is kept.
        first: where true, a mask is kept before any other, however reliable.

    Returns:
        The kept masks, by falling predicted IoU x stability.
    """
    quality = masks.predicted_iou.astype(np.float64) * masks.stability_score
    area = masks.rles.area_px()
    rank = np.lexsort((-area, -quality, np.zeros(len(masks)) if first is None else ~first))
    rank = rank[area[rank] >= max(min_area_px, 1)]
    candidates = masks.rles.take(rank)
    kept = rank[distinct(candidates.iou(candidates), np.arange(len(rank)), max_iou)]
    if max_masks is not None:
        kept = kept[np.argsort(-area[kept], kind="stable")[:max_masks]]
    return masks.take(kept[np.lexsort((-area[kept], -quality[kept]))])
