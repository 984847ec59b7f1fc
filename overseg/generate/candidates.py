"""Candidate masks: logits at the decoder's scale, before they are enlarged to the picture's size."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int8, UInt8
from torch import Tensor

SAME_IOU = 0.9  # masks with this IoU differ by noise only
_MASKS_AT_ONCE = 256


class Thresholds(NamedTuple):
    """The least scores of a mask. Both are in [0, 1]."""

    predicted_iou: float
    stability_score: float


@dataclass(frozen=True)
class Candidates:
    """A column table of a model's masks on one picture.

    Attributes:
        logits: above 0 inside the mask. They are on the model's device, all other columns on the CPU.
        predicted_iou, stability_score, sam_output, sam_outputs, point_xy: as in KeyframeMasks. The model's predicted
            IoU may be above 1.
    """

    logits: Float[Tensor, "n y x"]
    predicted_iou: Float32[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    sam_output: Int8[np.ndarray, " n"]
    sam_outputs: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]

    def __len__(self) -> int:
        return len(self.sam_output)

    @property
    def quality(self) -> Float32[np.ndarray, " n"]:
        """Predicted IoU x stability score: from 0 to 1, and a little above where the predicted IoU is."""
        return self.predicted_iou * self.stability_score

    def take(self, rows: Int[np.ndarray, " k"] | Bool[np.ndarray, " n"]) -> "Candidates":
        """The rows with these numbers, in this order, or those where a boolean array is true."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        columns = {f.name: getattr(self, f.name)[at] for f in fields(self) if f.name != "logits"}
        on_device = torch.from_numpy(at).to(self.logits.device, non_blocking=True)
        return Candidates(logits=self.logits[on_device], **columns)

    @classmethod
    def concatenate(cls, tables: list["Candidates"]) -> "Candidates":
        """The rows of all tables (at least one), in order."""
        columns = {f.name: [getattr(table, f.name) for table in tables] for f in fields(cls)}
        logits = torch.cat(columns.pop("logits"))
        return cls(logits=logits, **{name: np.concatenate(parts) for name, parts in columns.items()})

    def reaching(self, thresholds: Thresholds) -> Bool[np.ndarray, " n"]:
        """Which masks reach both thresholds."""
        sure = self.predicted_iou >= thresholds.predicted_iou
        return sure & (self.stability_score >= thresholds.stability_score)

    def iou(self) -> Float32[np.ndarray, "n n"]:
        """Intersection over union of all pairs of masks, at the logits' scale."""
        masks = (self.logits > 0).flatten(1)
        chunks = [chunk.float() for chunk in masks.split(_MASKS_AT_ONCE)]
        both = torch.cat([torch.cat([a @ b.T for b in chunks], dim=1) for a in chunks]) if chunks else masks.float()
        area = masks.sum(dim=1)
        union = area[:, None] + area[None] - both
        return (both / union.clamp(min=1)).cpu().numpy()

    def mean_logits(self, members: Bool[np.ndarray, "k n"]) -> Float[Tensor, "k y x"]:
        """The mean logits of k groups; a row of `members` is true for a group's masks."""
        shares = torch.from_numpy(members / np.maximum(members.sum(axis=1, keepdims=True), 1))
        return (shares.to(self.logits) @ self.logits.flatten(1)).unflatten(1, self.logits.shape[1:])


def mask_iou(a: Bool[Tensor, "*#n y x"], b: Bool[Tensor, "*#n y x"]) -> Float[Tensor, "*n"]:
    """Intersection over union of pairs of masks, in [0, 1]; 0 where both are empty."""
    both, either = (a & b).sum(dim=(-2, -1)), (a | b).sum(dim=(-2, -1))
    return both / either.clamp(min=1)
