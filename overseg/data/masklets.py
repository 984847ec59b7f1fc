"""What a propagator returns: the masks that it propagated, and why each masklet came to its end."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float32, Int8, Int32

from overseg.data.columns import Columns
from overseg.data.rles import Rles


class End(IntEnum):
    """Why a masklet has no mask on the next frame in its direction."""

    CLIP = 0  # the clip has no next frame
    GONE = 1  # the model says that the object is not in the picture
    SMALL = 2  # its mask there, or the prompt itself, is smaller than the minimum area
    LOST = 3  # too little of it could be followed there
    NOT_PROPAGATED = 4  # the propagator propagates nothing


@dataclass(frozen=True)
class PropagatedMasks(Columns):
    """Masks that were propagated to a frame, or to the frames of a clip.

    Attributes:
        rles: the masks.
        prompt: row number of the prompt mask that was propagated.
        frame: index of the frame on which the mask lies.
        score: how well this mask is supported, in [0, 1].
    """

    rles: Rles
    prompt: Int32[np.ndarray, " n"]
    frame: Int32[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "PropagatedMasks":
        """No masks, of pictures of this size."""
        whole = np.zeros(0, np.int32)
        return cls(Rles.empty(size), whole, whole, np.zeros(0, np.float32))


@dataclass(frozen=True)
class Masklets:
    """Masks propagated through one clip: a masklet for each prompt.

    Attributes:
        masks: the masks of all masklets, ordered by (prompt, distance from the prompt's frame). The prompt's own frame
            has no row; the far end of the clip has one for every masklet that reached it.
        end: by prompt, why its masklet has no mask on the frame after its last. It has one for every prompt, those
            without any row too.
    """

    masks: PropagatedMasks
    end: Int8[np.ndarray, " p"]

    @classmethod
    def in_order(cls, steps: list[PropagatedMasks], end: Int8[np.ndarray, " p"], size: tuple[int, int]) -> "Masklets":
        """Masklets out of the masks of each frame.

        Args:
            steps: the masks of each frame, in the order of its distance from the prompts' frame.
            end: as above.
            size: (height, width) in pixels of every mask.
        """
        masks = PropagatedMasks.concatenate([PropagatedMasks.empty(size), *steps])
        return cls(masks.take(np.argsort(masks.prompt, kind="stable")), end)
