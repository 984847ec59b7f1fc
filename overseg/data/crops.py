"""Decoding of masks within their boxes alone: most masks are small, and decoding whole frames takes longer."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int64

from overseg.data.rles import Rles

Box = tuple[slice, slice]

_FIRST_CHARACTER = ord("0")
_BITS = 5  # of a number in each character, the lowest first
_CONTINUES, _NEGATIVE = 32, 16  # flags of a character; the second is the sign, in a number's last character


def crops(rles: Rles, *, margin_px: int = 0) -> Iterator[tuple[Box, Bool[np.ndarray, "x y"]]]:
    """Each mask as (box, mask within it), both for column-major arrays [w, h], the order of the runs.

    Example:
        >>> mask = np.zeros((1, 4, 6), dtype=bool)
        >>> mask[0, 1:3, 2:5] = True
        >>> [(box, inside.shape) for box, inside in crops(Rles.from_masks(mask))]
        [((slice(2, 5, None), slice(1, 3, None)), (3, 2))]

    Args:
        rles: masks; an empty mask has an empty box.
        margin_px: margin around each box, cut at the border of the picture, in pixels.
    """
    height, width = rles.size
    for counts, (left, top, box_width, box_height) in zip(
        rles.counts, rles.boxes_xywh().astype(int).tolist(), strict=True
    ):
        if box_width == 0:
            yield (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
            continue
        columns = slice(max(0, left - margin_px), min(width, left + box_width + margin_px))
        rows = slice(max(0, top - margin_px), min(height, top + box_height + margin_px))
        yield (columns, rows), _decoded_columns(counts, height, columns)[:, rows]


def _decoded_columns(counts: bytes, height: int, columns: slice) -> Bool[np.ndarray, "x h"]:
    ends = np.cumsum(run_lengths(counts)).clip(columns.start * height, columns.stop * height)
    lengths = np.diff(ends, prepend=columns.start * height)
    is_mask = np.arange(len(lengths)) % 2 == 1
    return np.repeat(is_mask, lengths).reshape(-1, height)


def run_lengths(counts: bytes) -> Int64[np.ndarray, " r"]:
    """Lengths of a mask's runs in pixels, decoded from COCO's compressed string; the first run is background.

    A number is written in characters of five bits, the lowest first. From the fourth number on, the string has the
    difference to the number two before (COCO API, maskApi.c, rleToString).

    Example:
        >>> run_lengths(Rles.from_masks(np.ones((1, 4, 6), dtype=bool)).counts[0]).tolist()
        [0, 24]
    """
    characters = np.frombuffer(counts, np.uint8).astype(np.int64) - _FIRST_CHARACTER
    last = np.flatnonzero(characters & _CONTINUES == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    n_characters = last - first + 1
    place = np.arange(len(characters)) - np.repeat(first, n_characters)
    numbers = np.add.reduceat((characters & (_CONTINUES - 1)) << _BITS * place, first)
    numbers -= np.where(characters[last] & _NEGATIVE, 1 << _BITS * n_characters, 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
