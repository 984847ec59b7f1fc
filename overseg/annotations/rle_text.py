"""COCO's run lengths from files, checked before pycocotools, which trusts them, decodes them."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

_FIRST, _LAST = 48, 48 + 63  # characters of the compressed form: six bits each, from "0" on
_MORE, _NEGATIVE = 0x20, 0x10
_BITS = 5


def to_counts(counts: Any, *, n_pixels: int, height: int) -> bytes:
    """COCO's compressed string of run lengths, from that string or from a list of whole numbers.

    Raises:
        TypeError, ValueError: they are no run lengths, or do not add up to the mask's number of pixels.
    """
    if isinstance(counts, str | bytes):
        text = counts.encode("ascii") if isinstance(counts, str) else counts
        _check(_runs(text), n_pixels)
        return text
    runs = [int(run) for run in counts]
    _check(runs, n_pixels)
    size = [height, n_pixels // height if height else 0]
    return coco_mask.frPyObjects({"size": size, "counts": runs}, *size)["counts"]


def _check(runs: list[int], n_pixels: int) -> None:
    if any(run < 0 for run in runs) or sum(runs) != n_pixels:
        raise ValueError(f"run lengths that add up to {sum(runs)}, for {n_pixels} pixels")


def _runs(text: bytes) -> list[int]:
    """Run lengths of the compressed form: five bits a character, least first; from the third on, differences."""
    characters = np.frombuffer(text, np.uint8).astype(np.int64)
    if len(characters) and not _FIRST <= characters.min() <= characters.max() <= _LAST:
        raise ValueError("characters that compressed run lengths do not have")
    runs: list[int] = []
    value = shift = 0
    for character in (characters - _FIRST).tolist():
        value |= (character & (_MORE - 1)) << shift
        shift += _BITS
        if character & _MORE:
            continue
        if character & _NEGATIVE:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths that end too early")
    return runs
