"""The boundary measure F of DAVIS.

F. Perazzi, J. Pont-Tuset, B. McWilliams, L. Van Gool, M. Gross, A. Sorkine-Hornung, "A Benchmark Dataset and Evaluation
Methodology for Video Object Segmentation", CVPR 2016, section 4. The details are chosen
to give the figures of davis2017-evaluation.
"""

from functools import cache

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from overseg.data.rles import Rles

_TOLERANCE = 0.008  # of the picture's diagonal


def tolerance_px(size: tuple[int, int]) -> int:
    """How far apart two outlines may lie and still agree, in pixels of a picture of this (height, width)."""
    return int(np.ceil(_TOLERANCE * np.hypot(*size)))


def boundary_f(one: Rles, other: Rles) -> float:
    """Harmonic mean of the shares of each of two single masks' outlines that lie near the other's, in [0, 1].

    1 where both are empty, 0 where one is. It is the same in both orders.
    """
    radius = tolerance_px(one.size)
    window = _window([one, other], radius)
    if window is None:
        return 1.0
    outline, other_outline = (_outline(rles.to_masks()[0][window]) for rles in (one, other))
    n, n_other = np.count_nonzero(outline), np.count_nonzero(other_outline)
    if not n or not n_other:
        return float(n == n_other)
    precision = np.count_nonzero(outline & _near(other_outline, radius)) / n
    recall = np.count_nonzero(other_outline & _near(outline, radius)) / n_other
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _window(masks: list[Rles], margin: int) -> tuple[slice, slice] | None:
    """The part of the picture in which the masks lie, and a margin around; None where all are empty."""
    boxes = np.concatenate([rles.boxes_xywh() for rles in masks]).astype(int)
    boxes = boxes[(boxes[:, 2] > 0) & (boxes[:, 3] > 0)]
    if not len(boxes):
        return None
    left, top = np.maximum(boxes[:, :2].min(axis=0) - margin - 1, 0).tolist()
    right, bottom = ((boxes[:, :2] + boxes[:, 2:]).max(axis=0) + margin + 1).tolist()
    return slice(top, bottom), slice(left, right)


def _outline(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels that differ from the one to the right, below, or right below; the picture's edge is no outline."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask ^ padded[:-1, 1:]) | (mask ^ padded[1:, :-1]) | (mask ^ padded[1:, 1:])


def _near(outline: Bool[np.ndarray, "h w"], radius_px: int) -> Bool[np.ndarray, "h w"]:
    """Pixels not further than the radius from some pixel of the outline."""
    return cv2.dilate(outline.view(np.uint8), _disc(radius_px)).view(bool)


@cache
def _disc(radius_px: int) -> UInt8[np.ndarray, "side side"]:
    """1 where a pixel is not further than the radius from the middle one."""
    away = np.arange(-radius_px, radius_px + 1)
    return (np.hypot(*np.meshgrid(away, away)) <= radius_px + 1e-3).astype(np.uint8)
