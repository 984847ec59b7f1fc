"""Greedy non-maximum suppression, by whatever makes two rows duplicates."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int


def suppress(
    order: Int[np.ndarray, " n"], duplicates: Callable[[int], Bool[np.ndarray, " n"]]
) -> Int[np.ndarray, " n"]:
    """For every row, the row that is kept in its place: itself, or the one that suppresses it.

    Args:
        order: all row numbers, the best first. In this order, each row that is not suppressed yet is kept and
            suppresses its duplicates.
        duplicates: the duplicates of a row; it is called only for rows that are kept.
    """
    kept_as = np.full(len(order), -1, np.int64)
    for row in order:
        if kept_as[row] < 0:
            kept_as[duplicates(int(row)) & (kept_as < 0)] = row
            kept_as[row] = row
    return kept_as


def kept_rows(order: Int[np.ndarray, " n"], kept_as: Int[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    """The rows that are kept, in this order; `kept_as` is from `suppress`."""
    return order[kept_as[order] == order]


def box_iou(box_xyxy: Float[np.ndarray, " 4"], boxes_xyxy: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """Intersection over union of a box with each of many, in [0, 1]; 0 between boxes without area."""
    sides = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:]) - np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    intersection = sides.clip(min=0).prod(axis=1)
    areas = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    union = (box_xyxy[2:] - box_xyxy[:2]).prod() + areas - intersection
    return np.divide(intersection, union, out=np.zeros(len(boxes_xyxy)), where=union > 0)
