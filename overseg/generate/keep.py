"""Which of many masks are kept: no near-duplicates, none too small, at most so many, the most reliable first."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, UInt8

from overseg.data.masks import KeyframeMasks


def spokesmen(
    order: Int[np.ndarray, " n"], duplicates: Callable[[int], Bool[np.ndarray, " n"]]
) -> Int[np.ndarray, " n"]:
    """Greedy non-maximum suppression: for every row, the row that is kept in its place, which may be itself.

    Args:
        order: all row numbers; each, in this order, takes the place of those that nothing speaks for yet.
        duplicates: the rows that are as good as this one.
    """
    spokesman = np.full(len(order), -1, np.int64)
    for row in order:
        if spokesman[row] < 0:
            spokesman[duplicates(int(row)) & (spokesman < 0)] = row
            spokesman[row] = row
    return spokesman


def kept_rows(order: Int[np.ndarray, " n"], spokesman: Int[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    """The rows that speak for themselves, in this order."""
    return order[spokesman[order] == order]


def joined_sam_outputs(
    sam_outputs: UInt8[np.ndarray, " n"], spokesman: Int[np.ndarray, " n"]
) -> UInt8[np.ndarray, " n"]:
    """The levels of every row and of all rows that it speaks for."""
    joined = np.zeros_like(sam_outputs)
    np.bitwise_or.at(joined, spokesman, sam_outputs)
    return joined


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
        max_iou: of two masks that overlap by more, the more reliable is kept. Masks decide, not boxes, so that two
            different regions with the same box both live.
        first: where true, a mask is kept before any other, however reliable.

    Returns:
        The kept masks, by falling predicted IoU x stability.
    """
    area = masks.rles.area_px()
    rank = np.lexsort((-area, -_quality(masks), np.zeros(len(masks)) if first is None else ~first))
    large = masks.take(rank[area[rank] >= max(min_area_px, 1)])
    order = np.arange(len(large))
    iou = large.rles.iou(large.rles)
    spokesman = spokesmen(order, lambda row: iou[row] > max_iou)
    joined = replace(large, sam_outputs=joined_sam_outputs(large.sam_outputs, spokesman))
    return largest(joined.take(kept_rows(order, spokesman)), max_masks)


def largest(masks: KeyframeMasks, max_masks: int | None) -> KeyframeMasks:
    """So many of the largest masks, or all, by falling predicted IoU x stability."""
    area = masks.rles.area_px()
    kept = np.argsort(-area, kind="stable")[:max_masks]
    return masks.take(kept[np.lexsort((-area[kept], -_quality(masks)[kept]))])


def _quality(masks: KeyframeMasks) -> np.ndarray:
    return masks.predicted_iou.astype(np.float64) * masks.stability_score
