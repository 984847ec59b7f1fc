"""Only the largest masks of what another generator finds: for previews."""

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
        generator: finds them.
        max_masks: so many at most are kept of a keyframe.
    """

    generator: MaskGenerator
    max_masks: int

    @property
    def keyframe_work(self) -> float:
        """That of the other generator."""
        return self.generator.keyframe_work

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """The largest of the masks that the other finds, by falling predicted IoU x stability."""
        return largest(self.generator.generate(keyframe, propagated), self.max_masks)
