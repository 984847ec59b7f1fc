"""Propagates no masks: every keyframe is segmented independently."""

import numpy as np

from overseg.data.machine import Machine
from overseg.data.masklets import End, Masklets
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.data.visit import Direction
from overseg.stages import Clip


def build(settings: Settings, machine: Machine) -> "NoPropagator":
    """The propagator; it has no settings."""
    return NoPropagator()


class NoPropagator:
    """Ends every masklet on its prompt's frame. With keyframes on all frames, each is segmented by itself."""

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """Always 0; see `stages.MaskPropagator`."""
        return 0.0

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Return no masks; see `stages.MaskPropagator`."""
        end = End.CLIP if len(clip) == 1 else End.NOT_PROPAGATED
        return Masklets.in_order([], np.full(len(prompts), end, np.int8), prompts.size)
