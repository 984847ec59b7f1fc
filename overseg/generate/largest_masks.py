"""Keeps only the largest masks of another generator: for previews."""

from dataclasses import dataclass

from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.generate.keep import largest
from overseg.stages import MaskGenerator


@dataclass(frozen=True)
class LargestMasks:
    """A generator that keeps the largest masks of another's.

    Attributes:
        generator: the other generator.
        max_masks: number of masks to keep on each keyframe.
    """

    generator: MaskGenerator
    max_masks: int

    @property
    def keyframe_work(self) -> float:
        """The work of the other generator."""
        return self.generator.keyframe_work

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """The other generator's largest masks, in descending order of predicted IoU x stability."""
        return largest(self.generator.generate(keyframe, propagated), self.max_masks)
