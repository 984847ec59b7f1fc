"""Tracking by detection: masks that were found on each frame separately are assigned to tracks by their position.

scipy is imported where it is used: it takes as long as all else that the command line imports when it starts.
"""

import numpy as np
from jaxtyping import Float64, Int64

from overseg.associate.overlap import OverlapAssociator
from overseg.data.crops import crops
from overseg.data.rles import Rles
from overseg.data.visit import Edges
from overseg.errors import SettingsError, did_you_mean

METHODS = ("iou", "hungarian", "centroid")

_Pairs = tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]


class FrameByFrame:
    """Assigns every mask to a track, frame by frame. A track has one mask per frame at most.

    Example:
        >>> square = np.zeros((1, 8, 8), dtype=bool)
        >>> square[0, 2:6, 2:6] = True
        >>> tracks = FrameByFrame()
        >>> [tracks.follow(at, Rles.from_masks(np.roll(square, at, axis=2))).tolist() for at in (0, 1, 2, 9)]
        [[0], [0], [0], [1]]
    """

    def __init__(
        self, *, method: str = "iou", min_iou: float = 0.3, max_distance_px: float = 50.0, max_gap: int = 3
    ) -> None:
        """
        Args:
            method: "iou" joins the pairs with the largest overlap first; "hungarian" joins the pairs with the largest
                sum of overlaps (H. W. Kuhn, 1955: "The Hungarian method for the assignment problem"); "centroid" joins
                the pairs with the nearest centroids first, whether they overlap or not.
            min_iou: "iou" and "hungarian" never join masks with a smaller IoU, in (0, 1].
            max_distance_px: "centroid" never joins masks whose centroids are farther apart.
            max_gap: on how many frames in a row a track may have no mask and still continue.

        Raises:
            SettingsError: an option is out of range.
        """
        if method not in METHODS:
            raise SettingsError(
                f"--method is one of {', '.join(METHODS)}, not {method!r}{did_you_mean(method, METHODS)}"
            )
        if not 0 < min_iou <= 1:  # in this form it refuses a NaN too
            raise SettingsError(f"--min-iou takes a number above 0 and up to 1, not {min_iou:g}")
        if not 0 < max_distance_px < float("inf"):
            raise SettingsError(f"--max-distance takes a number of pixels above 0, not {max_distance_px:g}")
        if max_gap < 0:
            raise SettingsError(f"--max-gap takes a whole number of at least 0, not {max_gap}")
        self._method, self._min_iou, self._max_distance_px, self._max_gap = method, min_iou, max_distance_px, max_gap
        self._last: dict[int, tuple[int, bytes]] = {}  # by track, its last frame and the mask there
        self.n_tracks = 0

    def follow(self, frame: int, masks: Rles) -> Int64[np.ndarray, " n"]:
        """The track of each mask of a frame. New tracks get the next numbers, in the order of their masks.

        Args:
            frame: its index, larger than that of the call before.
            masks: the masks on it, none of them empty.
        """
        self._last = {id: last for id, last in self._last.items() if frame - last[0] <= self._max_gap + 1}
        known = np.array(list(self._last), np.int64)
        before = Rles(masks.size, tuple(counts for _, counts in self._last.values()))
        rows, columns = self._paired(before, masks)
        ids = np.full(len(masks), -1, np.int64)
        ids[columns] = known[rows]
        new = np.flatnonzero(ids < 0)
        ids[new] = self.n_tracks + np.arange(len(new))
        self.n_tracks += len(new)
        self._last |= {id: (frame, counts) for id, counts in zip(ids.tolist(), masks.counts, strict=True)}
        return ids

    def _paired(self, before: Rles, masks: Rles) -> _Pairs:
        """Rows of the earlier masks, and of the masks of this frame, that are one track."""
        if self._method == "centroid":
            from scipy.spatial.distance import cdist

            distance_px = cdist(_centroids(before), _centroids(masks))
            return strongest_first(1 - distance_px / (2 * self._max_distance_px), 0.5)
        paired = hungarian if self._method == "hungarian" else strongest_first
        return paired(before.iou(masks), self._min_iou)


def strongest_first(strength: Float64[np.ndarray, "l n"], least: float) -> _Pairs:
    """Rows and columns of the pairs chosen from the strongest down, as `OverlapAssociator` does."""
    rows, columns = np.nonzero(strength >= least)
    edges = Edges(rows, columns, np.zeros(len(rows), np.int32), strength[rows, columns].astype(np.float32))
    matched = OverlapAssociator(match_iou=least).one_to_one(edges)
    return rows[matched], columns[matched]


def _centroids(masks: Rles) -> Float64[np.ndarray, "n 2"]:
    """The centroid (x, y) of each mask; none of the masks is empty."""
    found = [np.argwhere(mask).mean(axis=0) + np.array([x.start, y.start]) for (x, y), mask in crops(masks)]
    return np.array(found, np.float64).reshape(-1, 2)


def hungarian(iou: Float64[np.ndarray, "l n"], min_iou: float) -> _Pairs:
    """Rows and columns of the assignment with the largest sum of overlaps."""
    from scipy.optimize import linear_sum_assignment

    enough = np.where(iou >= min_iou, iou, 0.0)
    rows, columns = linear_sum_assignment(enough, maximize=True)
    overlaps = enough[rows, columns] > 0
    return rows[overlaps], columns[overlaps]
