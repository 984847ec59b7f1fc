"""From overlapping masks to a label map, in which each pixel has one mask, and back."""

import numpy as np
from jaxtyping import Int, Int32
from pycocotools import mask as coco_mask

from overseg.data.crops import crops
from overseg.data.rles import Rles

NO_MASK = -1


def paint(rles: Rles, order: Int[np.ndarray, " n"]) -> Int32[np.ndarray, "h w"]:
    """The row number of the topmost mask of each pixel; NO_MASK where there is none.

    Args:
        rles: masks of one frame.
        order: row numbers from the lowest mask to the topmost.
    """
    labels = np.full(rles.size[::-1], NO_MASK, np.int32)  # column-major, like the runs
    for row, (box, mask) in zip(order.tolist(), crops(rles.take(order)), strict=True):
        np.copyto(labels[box], row, where=mask)
    return labels.T


def split(labels: Int32[np.ndarray, "h w"], n: int) -> Rles:
    """The masks of the labels 0 to n - 1; a label without pixels has an empty mask.

    Example:
        >>> split(np.array([[0, 0, 2], [-1, 2, 2]], np.int32), 3).area_px().tolist()
        [2, 0, 3]
    """
    size = (labels.shape[0], labels.shape[1])
    flat = labels.T.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    stops = np.append(starts[1:], len(flat))
    by_label = np.argsort(flat[starts], kind="stable")
    first = np.searchsorted(flat[starts[by_label]], np.arange(n + 1))
    runs = [
        _runs(starts[by_label[a:b]], stops[by_label[a:b]], len(flat))
        for a, b in zip(first[:-1].tolist(), first[1:].tolist(), strict=True)
    ]
    coco = coco_mask.frPyObjects([{"size": list(size), "counts": counts} for counts in runs], *size) if runs else []
    return Rles(size, tuple(rle["counts"] for rle in coco))


def _runs(starts: Int[np.ndarray, " r"], stops: Int[np.ndarray, " r"], n_pixels: int) -> list[int]:
    """Lengths of the runs outside and inside of these spans, alternating; without the last one if it is empty."""
    bounds = np.stack([starts, stops], axis=1).ravel()
    runs = np.diff(bounds, prepend=0, append=n_pixels).tolist()
    return runs[:-1] if bounds.size and runs[-1] == 0 else runs
