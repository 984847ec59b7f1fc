"""Encodes masks in a device's memory as RLE. The runs are found on the device; pixels never leave it."""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Int64

from overseg.data.rles import Rles

_PIXELS_AT_ONCE = 1 << 24  # bounds the memory of resizing and comparing to about 200 MB beside the logits


def rles_at_size(logits: torch.Tensor, size: tuple[int, int], *, above: float = 0.0) -> Rles:
    """The masks of logits that are resized to the frames' size, as sam2 resizes them.

    Args:
        logits: [n, 1, h, w].
        size: (height, width) in pixels of the masks.
        above: a mask is where the logits are above this.
    """
    n_at_once = max(1, _PIXELS_AT_ONCE // (size[0] * size[1]))
    return Rles.concatenate(size, (encoded(_resized(part, size)[:, 0] > above) for part in logits.split(n_at_once)))


def _resized(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if logits.shape[-2:] == size:
        return logits
    return torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)


def encoded(masks: torch.Tensor) -> Rles:
    """Boolean masks [n, h, w] on any device as RLE."""
    n, height, width = masks.shape
    n_px = height * width
    columns = masks.transpose(1, 2).reshape(n, n_px)
    begins = torch.empty_like(columns)  # where a run begins; at the first pixel, only if it is foreground
    begins[:, 0] = columns[:, 0]
    torch.ne(columns[:, 1:], columns[:, :-1], out=begins[:, 1:])
    at = begins.flatten().nonzero()[:, 0].cpu().numpy()
    return Rles.from_runs((height, width), [_lengths(at, start, stop) for start, stop in _spans(n, n_px)])


def _spans(n: int, n_px: int) -> list[tuple[int, int]]:
    return list(pairwise(range(0, (n + 1) * n_px, n_px)))


def _lengths(begins: Int64[np.ndarray, " k"], start: int, stop: int) -> Int64[np.ndarray, " r"]:
    """Lengths of the runs in the pixels from `start` up to `stop`."""
    first, last = np.searchsorted(begins, (start, stop))
    return np.diff(begins[first:last], prepend=start, append=stop)
