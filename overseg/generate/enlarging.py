"""Interpolates mask logits from the decoder's scale to the picture's size."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor
from torch.nn import functional as F

from overseg.data.rles import Rles
from overseg.generate.encoding import LOGIT_PX, Framing
from overseg.propagate.device_rles import encoded
from overseg.side_by_side import in_one_thread

T = TypeVar("T")
Params = ParamSpec("Params")
STABILITY_OFFSET = 1.0  # segment_anything's: logits are thresholded at -1 and at +1
_MASKS_AT_ONCE = 64
_PIXELS_AT_ONCE = 1 << 26  # enlarged at once on an accelerator


def _in_float32(work: Callable[Params, T]) -> Callable[Params, T]:
    """`work` outside of mixed precision, in which a border would move by pixels."""

    @wraps(work)
    def precise(*args: Params.args, **options: Params.kwargs) -> T:
        with ExitStack() as stack:
            for kind in ("cpu", "cuda", "mps"):
                stack.enter_context(torch.autocast(kind, enabled=False))
            return work(*args, **options)

    return precise


class Enlarging:
    """Interpolates logits to one picture's size as segment_anything does, but only within the masks' boxes.

    segment_anything interpolates twice: to the encoder's input, and from there to the picture. Both steps are linear
    and separable. So together they are one matrix for the rows and one for the columns. SAM 2 and SAM 3, whose pictures
    are stretched, interpolate once.
    """

    def __init__(self, framing: Framing, logits_size: tuple[int, int], device: torch.device) -> None:
        """Prepare for logits of this (height, width), with or without padding."""
        self._size = framing.size
        self._rows, self._columns = (
            _Axis(n_logits, framing.side_px, None if framing.is_stretched else n_input, n_pixels, device)
            for n_logits, n_input, n_pixels in zip(logits_size, framing.input_size, framing.size, strict=True)
        )

    @in_one_thread
    @_in_float32
    def masks(self, logits: Float[Tensor, "n y x"]) -> Rles:
        """The masks: where the enlarged logits are above 0."""
        if logits.device.type != "cpu":
            return self.masks_at_once(logits)
        height, width = self._size
        parts = []
        for chunk in logits.split(_MASKS_AT_ONCE):
            masks = np.zeros((len(chunk), width, height), dtype=bool)  # column by column, as in RLE
            for mask, (enlarged, rows, columns) in zip(masks, self._parts(chunk, above=0), strict=True):
                mask[columns, rows] = (enlarged > 0).T.cpu().numpy()
            parts.append(Rles.from_masks(masks.transpose(0, 2, 1)))
        return Rles.concatenate(self._size, parts)

    @in_one_thread
    @_in_float32
    def stability_score(self, logits: Float[Tensor, "n y x"], *, max_samples: int | None) -> Float32[np.ndarray, " n"]:
        """IoU of each mask at the threshold +1 with the same at -1, in [0, 1]; 0 for an empty mask.

        This is the stability score of segment_anything's automatic mask generator (Kirillov et al., 2023, appendix B),
        at the picture's size. In a mask of more than `max_samples` rows or columns, only every second, third and so on
        is counted on a CPU.
        """
        if logits.device.type != "cpu":
            return self.stability_score_at_once(logits)
        areas = [torch.zeros((0, 2), device=logits.device)]
        for enlarged, _, _ in self._parts(logits, above=-STABILITY_OFFSET, max_samples=max_samples):
            narrow, wide = (enlarged > STABILITY_OFFSET).sum(), (enlarged > -STABILITY_OFFSET).sum()
            areas.append(torch.stack([narrow, wide])[None])
        narrow, wide = torch.cat(areas).cpu().numpy().astype(np.float32).T
        return narrow / np.maximum(wide, 1)

    def masks_at_once(self, logits: Float[Tensor, "n y x"]) -> Rles:
        """`masks` without boxes, so that nothing but the runs waits for the device."""
        return Rles.concatenate(self._size, [encoded(whole > 0) for whole in self._whole(logits)])

    def stability_score_at_once(self, logits: Float[Tensor, "n y x"]) -> Float32[np.ndarray, " n"]:
        """`stability_score` of all pixels, without boxes. The numbers of all masks leave the device together."""
        areas = [torch.zeros((0, 2), device=logits.device)]
        for whole in self._whole(logits):
            at = (STABILITY_OFFSET, -STABILITY_OFFSET)
            areas.append(torch.stack([(whole > offset).sum(dim=(1, 2)) for offset in at], dim=1).float())
        narrow, wide = torch.cat(areas).cpu().numpy().T
        return narrow / np.maximum(wide, 1)

    def _whole(self, logits: Float[Tensor, "n y x"]) -> Iterator[Float[Tensor, "k h w"]]:
        """The logits at the picture's size, as many masks at once as fit into about 300 MB."""
        height, width = self._size
        for part in logits.split(max(1, _PIXELS_AT_ONCE // (height * width))):
            yield self._rows.matrix @ part @ self._columns.matrix.T

    def _parts(
        self, logits: Float[Tensor, "n y x"], *, above: float, max_samples: int | None = None
    ) -> Iterator[tuple[Float[Tensor, "r c"], slice, slice]]:
        """The enlarged logits of each mask, and their box (rows, columns): outside of it none is `above`."""
        inside = logits > above
        spans = zip(_extent(inside.any(dim=2)), _extent(inside.any(dim=1)), strict=True)
        for mask_logits, (row_span, column_span) in zip(logits, spans, strict=True):
            rows, by_row, logit_rows = self._rows.part(row_span, max_samples)
            columns, by_column, logit_columns = self._columns.part(column_span, max_samples)
            yield by_row @ mask_logits[logit_rows, logit_columns] @ by_column.T, rows, columns


class _Axis:
    """Interpolation along one axis, and the range of pixels that each logit contributes to."""

    def __init__(self, n_logits: int, side_px: int, n_input: int | None, n_pixels: int, device: torch.device) -> None:
        in_input = torch.eye(side_px // LOGIT_PX)[:n_logits, None]
        if n_input is not None:
            in_input = F.interpolate(in_input, side_px, mode="linear", align_corners=False)[..., :n_input]
        in_picture = F.interpolate(in_input, n_pixels, mode="linear", align_corners=False)[:, 0].T
        touched = in_picture.numpy() > 0  # [n_pixels, n_logits], a band along the diagonal
        self._first_logit, self._last_logit = _span(touched)
        first_pixel, last_pixel = _span(touched.T)
        # A logit may contribute to no pixel: in the padding, and in small pictures. It gets the range of the next one.
        self._first_pixel = np.minimum.accumulate(first_pixel[::-1])[::-1]
        self._last_pixel = np.maximum.accumulate(last_pixel)
        self.matrix = in_picture.contiguous().to(device)

    def part(self, logits: Int[np.ndarray, " 2"], max_samples: int | None) -> tuple[slice, Float[Tensor, "r s"], slice]:
        """The pixels that a range of logits (first, last) contributes to, the matrix for them, and the logits needed.

        The matrix is for evenly spaced pixels if there are more than `max_samples`.
        """
        first, last = self._first_pixel[logits[0]], self._last_pixel[logits[1]]
        if logits[1] < logits[0] or last < first:
            return slice(0, 0), self.matrix[:0, :0], slice(0, 0)
        step = 1 if max_samples is None else -(-(last + 1 - first) // max_samples)
        needed = slice(self._first_logit[first], self._last_logit[last] + 1)
        return slice(first, last + 1), self.matrix[first : last + 1 : step, needed], needed


def _extent(occupied: Bool[Tensor, "n k"]) -> Int[np.ndarray, "n 2"]:
    """First and last true number in every row; (0, -1) where there is none."""
    first, last = _span(occupied.cpu().numpy())
    return np.stack([np.where(last < 0, 0, first), last], axis=1)


def _span(touched: Bool[np.ndarray, "n m"]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """First and last true column of every row; (m, -1) where there is none."""
    m = touched.shape[1]
    some = touched.any(axis=1)
    return np.where(some, touched.argmax(axis=1), m), np.where(some, m - 1 - touched[:, ::-1].argmax(axis=1), -1)
