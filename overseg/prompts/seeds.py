"""Makes seed points: few, well inside an object, and far from each other."""

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
from jaxtyping import Bool, Float32, Int64

from overseg.data.rles import Rles

MIN_DISTANCE_PX = 25
_NEARBY_SHARE = 0.5  # margin around an object for background points, as a share of its box


def seed_points(mask: Bool[np.ndarray, "h w"], n: int) -> Int64[np.ndarray, "k 2"]:
    """Return up to n points (x, y) in a mask: its centroid if inside, then the pixels farthest from its border.

    Example:
        >>> mask = np.zeros((90, 120), dtype=bool)
        >>> mask[20:60, 10:110] = True
        >>> seed_points(mask, 3).tolist()
        [[59, 39], [29, 39], [84, 39]]

    Args:
        mask: mask of the object.
        n: number of points; fewer if the mask has no room for them at 25 px from each other.
    """
    y, x = np.nonzero(mask)
    if not len(x):
        return np.zeros((0, 2), np.int64)
    centre = int(x.mean()), int(y.mean())
    return _spread(mask, n, first=[centre] if mask[centre[1], centre[0]] else [])


def background_points(objects: Rles, row: int, n: int) -> Int64[np.ndarray, "k 2"]:
    """Return up to n points (x, y) near an object, on none of the objects and farthest from all of them.

    Args:
        objects: masks of all objects on one frame.
        row: number of the object.
        n: number of points; fewer if there is no room for them.
    """
    left, top, width, height = objects.boxes_xywh()[row].astype(int).tolist()
    margin_x, margin_y = int(_NEARBY_SHARE * width) + MIN_DISTANCE_PX, int(_NEARBY_SHARE * height) + MIN_DISTANCE_PX
    nearby = np.zeros(objects.size, dtype=bool)
    nearby[max(0, top - margin_y) : top + height + margin_y, max(0, left - margin_x) : left + width + margin_x] = True
    return _spread(nearby & ~objects.union().to_masks()[0], n, first=[])


def _spread(mask: Bool[np.ndarray, "h w"], n: int, *, first: list[tuple[int, int]]) -> Int64[np.ndarray, "k 2"]:
    """`first`, then pixels of a mask from the innermost on, each at least 25 px from those before; n in all."""
    import cv2

    bordered = np.pad(mask, 1).view(np.uint8)  # the picture's edge is a border too
    depth = cv2.distanceTransform(bordered, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    found = []
    for at_x, at_y in islice(chain(first, _innermost(depth)), n):
        found.append((at_x, at_y))
        depth[(x - at_x) ** 2 + (y - at_y) ** 2 < MIN_DISTANCE_PX**2] = 0
    return np.array(found, np.int64).reshape(-1, 2)


def _innermost(depth: Float32[np.ndarray, "h w"]) -> Iterator[tuple[int, int]]:
    """Yield the deepest pixel (x, y) again and again, until no depth is left; the caller clears what it used."""
    while depth.any():
        y, x = divmod(int(depth.argmax()), depth.shape[1])
        yield x, y
