"""Selects the masks that a generator returns: near-duplicates, small masks and surplus masks are dropped."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, UInt8

from overseg.data.masks import KeyframeMasks
from overseg.suppression import kept_rows, suppress


def joined_sam_outputs(sam_outputs: UInt8[np.ndarray, " n"], kept_as: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, " n"]:
    """For every row, the SAM outputs of the row and of all rows that it suppresses; `kept_as` is from `suppress`."""
    joined = np.zeros_like(sam_outputs)
    np.bitwise_or.at(joined, kept_as, sam_outputs)
    return joined


def keep_masks(
    masks: KeyframeMasks,
    *,
    min_area_px: int,
    max_masks: int | None,
    max_iou: float,
    first: Bool[np.ndarray, " n"] | None = None,
) -> KeyframeMasks:
    """The masks that a generator returns, out of all that it found.

    Args:
        masks: all masks found.
        min_area_px: smaller masks are dropped. Empty masks are always dropped.
        max_masks: only this many are kept, the largest; None keeps all.
        max_iou: of two masks with a higher IoU, the more reliable is kept. The IoU is that of the masks, not of their
            boxes, so that two different regions with the same box are both kept.
        first: where true, a mask is kept in preference to all others, whatever its quality.

    Returns:
        The kept masks, in descending order of predicted IoU x stability.
    """
    area = masks.rles.area_px()
    rank = np.lexsort((-area, -_quality(masks), np.zeros(len(masks)) if first is None else ~first))
    large = masks.take(rank[area[rank] >= max(min_area_px, 1)])
    order = np.arange(len(large))
    iou = large.rles.iou(large.rles)
    kept_as = suppress(order, lambda row: iou[row] > max_iou)
    joined = replace(large, sam_outputs=joined_sam_outputs(large.sam_outputs, kept_as))
    return largest(joined.take(kept_rows(order, kept_as)), max_masks)


def largest(masks: KeyframeMasks, max_masks: int | None) -> KeyframeMasks:
    """The `max_masks` largest masks, or all for None, in descending order of predicted IoU x stability."""
    area = masks.rles.area_px()
    kept = np.argsort(-area, kind="stable")[:max_masks]
    return masks.take(kept[np.lexsort((-area[kept], -_quality(masks)[kept]))])


def _quality(masks: KeyframeMasks) -> np.ndarray:
    return masks.predicted_iou.astype(np.float64) * masks.stability_score
