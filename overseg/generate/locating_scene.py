"""A frame on which masks are located: its features by cell, masks at its scale, and SAM prompted with rough masks."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from overseg.data.crops import crops
from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.generate.affinity import CELL_PX, CellFeatures
from overseg.generate.encoding import LOGIT_PX, Framing
from overseg.generate.enlarging import Enlarging
from overseg.generate.frame_encoder import FrameEncoder, check_finite
from overseg.generate.picture_model import Encoding
from overseg.generate.prompting import check_large_enough
from overseg.side_by_side import in_one_thread

_SURE_LOGIT = 10.0
_LINK = CELL_PX // LOGIT_PX  # pixels of the logits on a side of a cell


class LocatingScene:
    """An encoded frame on which masks are located. Masks are compared at the decoder's scale."""

    def __init__(self, encoder: FrameEncoder, encoding: Encoding, framing: Framing, frame: int) -> None:
        self.framing, self.device = framing, encoder.device
        self._encoder, self._encoding = encoder, encoding
        self.cells = CellFeatures.of(frame, encoding.embedding, framing)
        self.size = tuple(-(-px // LOGIT_PX) for px in framing.input_size)
        self.side = framing.side_px // LOGIT_PX

    @classmethod
    def of(cls, encoder: FrameEncoder, frame: Frame) -> "LocatingScene":
        check_large_enough(frame)
        framing = encoder.model.framing(frame.size)
        return cls(encoder, encoder.encoding(frame, framing), framing, frame.index)

    def prepare(self) -> None:
        """Compute what all masks share, before they are located side by side."""
        self.decoding = self._encoder.decoding(self._encoding, self.framing)
        self.enlarging = Enlarging(self.framing, self.decoding.logits_size, self.device)

    def quarter(self, masks: Rles) -> Float[Tensor, "m y x"]:
        """Masks at the decoder's scale: the share of each pixel that is mask."""
        return self._pooled(masks, LOGIT_PX)

    def shares_of(self, masks: Rles) -> Float[Tensor, "m n"]:
        """The share of each of the picture's cells that masks cover."""
        return self._pooled(masks, CELL_PX).flatten(1)

    @in_one_thread
    def _pooled(self, masks: Rles, pool_px: int) -> Float[Tensor, "m y x"]:
        """The share of mask in squares of the encoder's input. Two products pool rows and columns; they are exact."""
        rows, columns = (
            _pooling(side_px, input_px, pool_px)
            for side_px, input_px in zip(masks.size, self.framing.input_size, strict=True)
        )
        pooled = torch.zeros((len(masks), len(rows), len(columns)))
        for share, ((across, down), inside) in zip(pooled, crops(masks), strict=True):
            share[:] = rows[:, down] @ torch.from_numpy(inside).T.float() @ columns[:, across].T
        return pooled.to(self.device)

    def shares(self, quarter: Float[Tensor, "m y x"]) -> Float[Tensor, "m n"]:
        """The share of each of the picture's cells that masks at the decoder's scale cover."""
        height, width = self.size
        whole = F.pad(quarter[:, None], (0, -width % _LINK, 0, -height % _LINK))
        return F.avg_pool2d(whole, _LINK).flatten(1)

    def enlarged(self, cells: Float[Tensor, " n"]) -> Float[Tensor, "y x"]:
        """A map of cells at the decoder's scale."""
        on_grid = cells.unflatten(0, self.cells.grid)[None, None]
        rows, columns = self.size
        return F.interpolate(on_grid, scale_factor=_LINK, mode="bilinear")[0, 0, :rows, :columns]

    def prompt(
        self, mask: Bool[np.ndarray, "y x"], point: tuple[int, int] | None
    ) -> tuple[Float[Tensor, "4 v u"], Float[Tensor, " 4"]]:
        """SAM's four outputs for a mask, its box and a (row, column) inside, if given: logits and predicted IoU."""
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = torch.tensor([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], device=self.device) * LOGIT_PX
        rough = torch.full((1, 1, self.side, self.side), -_SURE_LOGIT, device=self.device)
        rough[..., : mask.shape[0], : mask.shape[1]][..., torch.from_numpy(mask).to(self.device)] = _SURE_LOGIT
        points = None
        if point is not None:
            xy = torch.tensor([[point[::-1]]], device=self.device) * LOGIT_PX + LOGIT_PX / 2
            points = xy, torch.ones((1, 1), dtype=torch.int, device=self.device)
        outputs = self.decoding.prompted(points=points, boxes_xyxy=box.float(), logits=rough)
        check_finite(outputs.predicted_iou)
        row, all_outputs = torch.zeros(1, dtype=torch.long), torch.ones((1, 4), dtype=torch.bool)
        logits = self.decoding.draw_borders(outputs, row.to(self.device), all_outputs.to(self.device))[0].float()
        check_finite(logits)
        return logits, outputs.predicted_iou[0].float()


def _pooling(side_px: int, input_px: int, pool_px: int) -> Float[Tensor, "cells side"]:
    """The weight of each pixel along a side in each square of the encoder's input, enlarged to the nearest pixel."""
    pixel = F.interpolate(torch.arange(side_px, dtype=torch.float64)[None, None], input_px)[0, 0].long()
    cell = torch.arange(input_px) // pool_px
    weights = torch.zeros((-(-input_px // pool_px), side_px))
    return weights.index_put_((cell, pixel), torch.tensor(1 / pool_px), accumulate=True)
