"""Propagating the masks of a clip onto one frame, a batch at a time, and taking them off the device."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int8, Int64

from overseg.data.frame import Frame
from overseg.data.masklets import End, PropagatedMasks
from overseg.data.rles import Rles
from overseg.propagate.device_rles import rles_at_size
from overseg.propagate.sam2.features import Features
from overseg.propagate.sam2.memory import Memory, MemoryBank
from overseg.propagate.sam2.steps import Sam2Steps


@dataclass(frozen=True)
class Landed:
    """Masks of one batch that are still there on a frame.

    Attributes:
        rows: their row numbers in the bank, ascending.
        rles, scores: one per row.
        ends: for every mask of the batch, why it is not there; CLIP for those that are.
        memory: what they leave behind; None on the last frame and where no row is left.
    """

    rows: Int64[np.ndarray, " k"]
    rles: Rles
    scores: Float32[np.ndarray, " k"]
    ends: Int8[np.ndarray, " n"]
    memory: Memory | None


@dataclass(frozen=True)
class FrameVisit:
    """One frame, and what is needed to propagate any batch of masks onto it."""

    steps: Sam2Steps
    features: Features
    frame: Frame
    bank: MemoryBank
    min_area_px: int
    goes_on: bool  # whether another frame follows, which needs a memory of this one

    def land(self, rows: slice) -> Landed:
        """Propagate the masks at these rows of the bank onto the frame; changes nothing."""
        memories = self.bank.view(rows, self.steps.memory_position(self.features))
        tracked = self.steps.track(self.features, self.frame.index, memories, rows.stop - rows.start)
        rles = rles_at_size(tracked.logits, self.frame.size)
        is_gone, is_small = (tracked.presence_logits <= 0).cpu().numpy(), rles.area_px() < self.min_area_px
        kept = np.flatnonzero(~(is_gone | is_small))
        tracked = tracked.take(torch.from_numpy(kept).to(tracked.logits.device))
        return Landed(
            rows=rows.start + kept,
            rles=rles.take(kept),
            scores=tracked.score.cpu().numpy(),
            ends=np.select([is_gone, is_small], [End.GONE, End.SMALL], End.CLIP).astype(np.int8),
            memory=self.steps.remember(self.features, tracked) if self.goes_on and len(kept) else None,
        )


def on_frame(
    frame: int, prompt: Int64[np.ndarray, " k"], landed: list[Landed], size: tuple[int, int]
) -> PropagatedMasks:
    """The masks of all batches on one frame."""
    return PropagatedMasks(
        rles=Rles.concatenate(size, (part.rles for part in landed)),
        prompt=prompt.astype(np.int32),
        frame=np.full(len(prompt), frame, np.int32),
        score=np.concatenate([part.scores for part in landed]),
    )
