"""Masks of a device's memory as run-length encodings. The runs are found there; the pixels never leave it."""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Int64

from overseg.data.rles import Rles

_PIXELS_AT_ONCE = 1 << 24  # bounds what resizing and comparing take on top of the logits to about 200 MB


def rles_at_size(logits: torch.Tensor, size: tuple[int, int], *, above: float = 0.0) -> Rles:
    """Masks where the logits are high enough, once these are resized to the frames' size as upstream resizes them.

    Args:
        logits: [n, 1, h, w].
        size: (height, width) in pixels of the masks.
        above: what a mask's logits exceed.
    """
    n_at_once = max(1, _PIXELS_AT_ONCE // (size[0] * size[1]))
    return Rles.concatenate(size, (_encoded(_resized(part, size)[:, 0] > above) for part in logits.split(n_at_once)))


def _resized(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if logits.shape[-2:] == size:
        return logits
    return torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)


def _encoded(masks: torch.Tensor) -> Rles:
    """Boolean masks [n, h, w] as RLE."""
    n, height, width = masks.shape
    n_px = height * width
    columns = masks.transpose(1, 2).reshape(n, n_px)
    begins = torch.empty_like(columns)  # whether a run begins here; the first one does where it is not background
    begins[:, 0] = columns[:, 0]
    torch.ne(columns[:, 1:], columns[:, :-1], out=begins[:, 1:])
    at = begins.flatten().nonzero()[:, 0].cpu().numpy()
    return Rles.from_runs((height, width), [_lengths(at, start, stop) for start, stop in _spans(n, n_px)])


def _spans(n: int, n_px: int) -> list[tuple[int, int]]:
    return list(pairwise(range(0, (n + 1) * n_px, n_px)))


def _lengths(begins: Int64[np.ndarray, " k"], start: int, stop: int) -> Int64[np.ndarray, " r"]:
    """Lengths of the runs of the pixels from `start` up to `stop`."""
    first, last = np.searchsorted(begins, (start, stop))
    return np.diff(begins[first:last], prepend=start, append=stop)
