"""The result of propagating masks through a clip: the masks, and the termination reason of each masklet."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float32, Int8, Int32

from overseg.data.columns import Columns
from overseg.data.rles import Rles


class End(IntEnum):
    """The termination reason of a masklet: why it has no mask on the next frame in its direction."""

    CLIP = 0  # the clip has no next frame
    GONE = 1  # the model finds that the object is not visible
    SMALL = 2  # the next mask, or the prompt itself, is smaller than the minimum area
    LOST = 3  # too little of it could be tracked
    NOT_PROPAGATED = 4  # the propagator propagates nothing


@dataclass(frozen=True)
class PropagatedMasks(Columns):
    """Masks that were propagated to a frame, or to the frames of a clip.

    Attributes:
        rles: the masks.
        prompt: row number of the prompt mask that was propagated.
        frame: index of the frame on which the mask lies.
        score: support for this mask, in [0, 1].
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
            has no row; the last frame of the clip has one for every masklet that reached it.
        end: the termination reason of every prompt's masklet, an `End`; also of prompts without any row.
    """

    masks: PropagatedMasks
    end: Int8[np.ndarray, " p"]

    @classmethod
    def in_order(cls, steps: list[PropagatedMasks], end: Int8[np.ndarray, " p"], size: tuple[int, int]) -> "Masklets":
        """Masklets from the masks of each frame.

        Args:
            steps: the masks of each frame, in order of distance from the prompts' frame.
            end: as in the class.
            size: (height, width) in pixels of every mask.
        """
        masks = PropagatedMasks.concatenate([PropagatedMasks.empty(size), *steps])
        return cls(masks.take(np.argsort(masks.prompt, kind="stable")), end)
