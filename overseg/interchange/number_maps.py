"""Pictures in which each pixel holds the number of its object."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64, Integer

from overseg.data.crops import crops
from overseg.data.label_map import split
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.imported import LARGEST_ID, imported_masks
from overseg.interchange.png import read_numbers


def number_map(rles: Rles, numbers: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "h w"]:
    """The number of each pixel's mask, of masks that do not overlap; 0 where there is none."""
    pixels = np.zeros(rles.size[::-1], np.int64)
    for (box, mask), number in zip(crops(rles), numbers.tolist(), strict=True):
        np.copyto(pixels[box], number, where=mask)
    return pixels.T


def masks_of_map(
    pixels: Integer[np.ndarray, "h w"], *, nothing: tuple[int, ...] = (0,)
) -> tuple[Rles, Int64[np.ndarray, " n"]]:
    """The mask of each number in a map but those that stand for nothing, and the numbers, ascending."""
    values, place = np.unique(pixels, return_inverse=True)
    rles = split(place.reshape(pixels.shape).astype(np.int32), len(values))
    kept = np.flatnonzero(~np.isin(values, nothing) & (values <= LARGEST_ID))
    return rles.take(kept), values[kept].astype(np.int64)


def read_maps(files: list[Path], size: tuple[int, int], *, nothing: tuple[int, ...] = (0,)) -> Iterator[TrackMasks]:
    """The masks of each file in turn, a frame each; InputError where one cannot be read or has another size."""
    for file in files:
        rles, ids = masks_of_map(read_numbers(file, size), nothing=nothing)
        yield imported_masks(rles, ids)
