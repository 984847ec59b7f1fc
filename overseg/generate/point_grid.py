"""A regular grid of prompt points, in rounds from coarse to fine."""

import numpy as np
from jaxtyping import Float, Int

# Bayer's 4x4 matrix: each next number lies as far as it can from all before it.
_ROUNDS = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])


def point_grid(points_per_side: int) -> Float[np.ndarray, "n 2"]:
    """Points (x, y) at the centres of n = points_per_side² equal cells, row by row, as shares of the picture's sides.

    Example:
        >>> point_grid(2).tolist()
        [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    """
    centres = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid(centres, centres)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def grid_rounds(points_per_side: int) -> list[Int[np.ndarray, " k"]]:
    """Row numbers of the grid's points in rounds that can each be run at once.

    The points of a round are four cells apart, so that what one of them finds can save points of later rounds only.
    The result is then the same whatever number of points is run in one batch.
    """
    row, column = np.divmod(np.arange(points_per_side**2), points_per_side)
    round_of = _ROUNDS[row % 4, column % 4]
    rounds = [np.flatnonzero(round_of == number) for number in range(_ROUNDS.size)]
    return [points for points in rounds if len(points)]
