"""Carries nothing: every keyframe stands alone."""

from overseg.data.masks import Masklets
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.stages import Clip


class NoPropagator:
    """Ends every masklet where it starts. With a keyframe on every frame, each frame is segmented by itself."""

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """None; see `stages.MaskPropagator`."""
        return 0.0

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """No masks; see `stages.MaskPropagator`."""
        return Masklets.empty(prompts.size)
