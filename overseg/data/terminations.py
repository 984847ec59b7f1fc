"""Where and why masklets ended: of one visit, and of a result."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8, Int32, Int64

from overseg.data.columns import Columns
from overseg.data.masklets import Masklets
from overseg.data.masks import Source


@dataclass(frozen=True)
class Terminations(Columns):
    """Masklets of one visit or of several: a row for each mask that a visit propagated.

    Attributes:
        region: the region that was propagated.
        source: FORWARD or BACKWARD, the direction in which it was propagated.
        from_frame: the keyframe from which it was propagated.
        last_frame: the last frame to which it was propagated with a mask; from_frame where there is none.
        end: why it was not propagated further, an `End`.
    """

    region: Int64[np.ndarray, " m"]
    source: Int8[np.ndarray, " m"]
    from_frame: Int32[np.ndarray, " m"]
    last_frame: Int32[np.ndarray, " m"]
    end: Int8[np.ndarray, " m"]

    @classmethod
    def empty(cls) -> "Terminations":
        small, whole = np.zeros(0, np.int8), np.zeros(0, np.int32)
        return cls(np.zeros(0, np.int64), small, whole, whole, small)

    @classmethod
    def of(
        cls, masklets: Masklets, *, regions: Int64[np.ndarray, " p"], source: Source, from_frame: int
    ) -> "Terminations":
        """How the masklets of one visit ended, ordered by region.

        Args:
            masklets: what was propagated.
            regions: the region of each prompt.
            source: FORWARD or BACKWARD.
            from_frame: the frame on which the prompts lie.
        """
        n = len(regions)
        last_frame = np.full(n, from_frame, np.int32)
        last_frame[masklets.masks.prompt] = masklets.masks.frame  # of one prompt's rows the last, the farthest, stays
        rows = cls(regions, np.full(n, source, np.int8), np.full(n, from_frame, np.int32), last_frame, masklets.end)
        return rows.take(np.argsort(regions, kind="stable"))


@dataclass(frozen=True)
class TrackTerminations(Columns):
    """Masklets of a result, ordered by (from_frame, region, source).

    Attributes:
        region, source, from_frame, last_frame, end: as in Terminations. What reached a keyframe has a mask there only
            where it is propagated on from it.
        track: id of the track that the region belongs to; -1 where none of its masks is in a track.
    """

    region: Int64[np.ndarray, " m"]
    track: Int32[np.ndarray, " m"]
    source: Int8[np.ndarray, " m"]
    from_frame: Int32[np.ndarray, " m"]
    last_frame: Int32[np.ndarray, " m"]
    end: Int8[np.ndarray, " m"]
