"""Decodes the output of YOLO networks: [1, 4 + categories, anchors], or [1, n, 6] with built-in suppression."""

import numpy as np
from jaxtyping import Bool, Float32

from overseg.data.detections import Detections
from overseg.errors import WeightsError

_MAX_IOU = 0.7  # boxes of one category that overlap more are suppressed by the more confident one; ultralytics' default
_MOST = 300
_END_TO_END_COLUMNS = 6  # x1, y1, x2, y2, confidence, category


def is_end_to_end(shape: tuple[int, ...], n_categories: int) -> bool:
    """Whether the network that returns this shape [1, rows, columns] has built-in suppression."""
    return shape[2] == _END_TO_END_COLUMNS and shape[1] != 4 + n_categories


def decoded(output: Float32[np.ndarray, "1 a b"], *, n_categories: int, min_confidence: float) -> Detections:
    """Return boxes in pixels of the network's input after suppression, the most confident first.

    Args:
        output: the network's output, see above. Rows after the categories, such as mask coefficients, are ignored.
        n_categories: number of the network's categories.
        min_confidence: boxes below it are left out.

    Raises:
        WeightsError: the output has neither layout, or is not finite.
    """
    if is_end_to_end(output.shape, n_categories):
        rows = output[0][output[0, :, 4] >= min_confidence]
        _check_finite(rows)
        order = np.argsort(-rows[:, 4], kind="stable")[:_MOST]
        return Detections(rows[order, :4], rows[order, 4], rows[order, 5].astype(np.int32))
    if output.shape[1] < 4 + n_categories:
        raise WeightsError(
            f"expected a detector's output of {4 + n_categories} rows, 4 for the box and one for each category, "
            f"or of 6 columns, got the shape {output.shape}"
        )
    scores = output[0, 4 : 4 + n_categories]
    sure = np.flatnonzero(scores.max(axis=0) >= min_confidence)
    centre, size = output[0, :2, sure], output[0, 2:4, sure]
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)
    _check_finite(boxes)
    found = Detections(boxes, scores[:, sure].max(axis=0), scores[:, sure].argmax(axis=0).astype(np.int32))
    found = found.take(np.argsort(-found.confidence, kind="stable"))
    return found.take(_kept(found))


def _kept(found: Detections) -> Bool[np.ndarray, " n"]:
    """Which boxes survive non-maximum suppression; rows are ordered by decreasing confidence."""
    kept = np.zeros(len(found), bool)
    for row in range(len(found)):
        rivals = np.flatnonzero(kept & (found.category == found.category[row]))
        kept[row] = kept.sum() < _MOST and not (iou(found.boxes_xyxy[rivals], found.boxes_xyxy[row]) > _MAX_IOU).any()
    return kept


def iou(boxes_xyxy: Float32[np.ndarray, "n 4"], box_xyxy: Float32[np.ndarray, " 4"]) -> Float32[np.ndarray, " n"]:
    """Intersection over union of each box with one box, in [0, 1]."""
    low = np.maximum(boxes_xyxy[:, :2], box_xyxy[:2])
    high = np.minimum(boxes_xyxy[:, 2:], box_xyxy[2:])
    both = (high - low).clip(0).prod(axis=1)
    areas = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).clip(0).prod(axis=1)
    area = (box_xyxy[2:] - box_xyxy[:2]).clip(0).prod()
    return (both / np.maximum(areas + area - both, np.finfo(np.float32).tiny)).astype(np.float32)


def _check_finite(values: Float32[np.ndarray, "n k"]) -> None:
    if not np.isfinite(values).all():
        raise WeightsError("expected finite numbers from the detector, got NaN or infinity; export it again")
