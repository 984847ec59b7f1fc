"""Run lengths along the rows of a picture, as CVAT has them; COCO's are along columns."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64


def row_runs(mask: Bool[np.ndarray, "h w"]) -> Int64[np.ndarray, " r"]:
    """Lengths of runs of equal pixels row by row, the first one of background, which may be 0.

    Example:
        >>> row_runs(np.array([[True, False, False], [False, True, True]])).tolist()
        [0, 1, 3, 2]
    """
    flat = mask.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat))
    runs = np.diff(ends, prepend=0)
    return np.append(0, runs) if len(flat) and flat[0] else runs


def mask_of_row_runs(runs: Sequence[int], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The mask of these lengths; ValueError where they are not those of a mask of this (height, width)."""
    if any(run < 0 for run in runs) or sum(runs) != size[0] * size[1]:
        raise ValueError(f"run lengths that add up to {sum(runs)}, for {size[0] * size[1]} pixels")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size)
