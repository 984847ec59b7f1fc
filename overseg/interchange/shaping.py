"""How masks become polygons for trainers: which pieces are kept, and whether those of an object are one polygon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial import cKDTree

from overseg.annotations.polygons import Polygon, polygons_of
from overseg.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """Options of formats with polygons.

    Attributes:
        min_piece_px: smaller connected parts of a mask are dropped, in pixels.
        is_joined: the parts of a mask are one polygon, joined by lines there and back, as the converters of YOLO's
            trainers do; otherwise each is a polygon of its own.
    """

    min_piece_px: int = 0
    is_joined: bool = True

    def __post_init__(self) -> None:
        """Refuse impossible values with SettingsError."""
        if self.min_piece_px < 0:
            raise SettingsError(f"--min-piece takes a number of pixels of at least 0, not {self.min_piece_px}")

    def polygons(
        self, mask: Bool[np.ndarray, "h w"], *, along_edges: bool = False
    ) -> tuple[list[Float64[np.ndarray, "_ 2"]], int]:
        """The polygons (x, y) of a mask, and how many pieces were dropped.

        Args:
            mask: may be empty; then there is no polygon.
            along_edges: along the edges of pixels, as pycocotools fills them, (0, 0) the upper left corner of the
                picture; otherwise through the middles of the outermost pixels, as OpenCV does, (0, 0) the middle of the
                upper left pixel.
        """
        kept, n_dropped = _without_small(mask, self.min_piece_px)
        polygons = list(map(_along_edges, polygons_of(_doubled(kept)))) if along_edges else polygons_of(kept)
        polygons = [joined(polygons)] if self.is_joined and polygons else polygons
        return [polygon.astype(np.float64) for polygon in polygons], n_dropped


def joined(polygons: Sequence[Polygon]) -> Polygon:
    """One polygon of several: each next one is joined where it comes nearest to those before, by a line there and back.

    Example:
        >>> square = np.array([[0, 0], [2, 0], [2, 2], [0, 2]])
        >>> joined([square, square + [4, 0]]).tolist()[:4]
        [[0, 0], [2, 0], [4, 0], [6, 0]]
    """
    waiting = sorted(polygons, key=len, reverse=True)
    whole = waiting.pop(0)
    while waiting:
        tree = cKDTree(whole)
        near = [tree.query(polygon) for polygon in waiting]
        nearest = min(range(len(waiting)), key=lambda at: float(near[at][0].min()))
        polygon = waiting.pop(nearest)
        start = int(near[nearest][0].argmin())
        at = int(near[nearest][1][start])
        around = np.concatenate([polygon[start:], polygon[: start + 1]])
        whole = np.concatenate([whole[: at + 1], around, whole[at:]])
    return whole


def _without_small(mask: Bool[np.ndarray, "h w"], min_piece_px: int) -> tuple[Bool[np.ndarray, "h w"], int]:
    """The mask without its small connected parts, and how many there were."""
    if min_piece_px <= 1:
        return mask, 0
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    is_small = stats[:, cv2.CC_STAT_AREA] < min_piece_px
    is_small[0] = False  # what is beside the mask
    return mask & ~is_small[labels], int(is_small.sum())


def _doubled(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h2 w2"]:
    return mask.repeat(2, axis=0).repeat(2, axis=1)


def _along_edges(polygon: Polygon) -> Polygon:
    """Of a polygon in a picture of twice the size, whose points are halves of pixels, the edges that they lie on."""
    return (polygon + 1) // 2
