"""Where and why masklets ended, for one visit and for a result."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8, Int32, Int64

from overseg.data.columns import Columns
from overseg.data.masklets import Masklets
from overseg.data.masks import Source


@dataclass(frozen=True)
class Terminations(Columns):
    """The ends of masklets of one or several visits: a row for each mask that a visit propagated.

    Attributes:
        region: the region that was propagated.
        source: FORWARD or BACKWARD, the direction in which it was propagated.
        from_frame: the keyframe from which it was propagated.
        last_frame: its last frame with a mask; from_frame if it has none.
        end: its termination reason, an `End`.
    """

    region: Int64[np.ndarray, " m"]
    source: Int8[np.ndarray, " m"]
    from_frame: Int32[np.ndarray, " m"]
    last_frame: Int32[np.ndarray, " m"]
    end: Int8[np.ndarray, " m"]

    @classmethod
    def empty(cls) -> "Terminations":
        """No masklets."""
        small, whole = np.zeros(0, np.int8), np.zeros(0, np.int32)
        return cls(np.zeros(0, np.int64), small, whole, whole, small)

    @classmethod
    def of(
        cls, masklets: Masklets, *, regions: Int64[np.ndarray, " p"], source: Source, from_frame: int
    ) -> "Terminations":
        """The ends of one visit's masklets, ordered by region.

        Args:
            masklets: the propagated masks.
            regions: the region of each prompt.
            source: FORWARD or BACKWARD.
            from_frame: the frame on which the prompts lie.
        """
        n = len(regions)
        last_frame = np.full(n, from_frame, np.int32)
        last_frame[masklets.masks.prompt] = masklets.masks.frame  # the last row of a prompt, the farthest, wins
        rows = cls(regions, np.full(n, source, np.int8), np.full(n, from_frame, np.int32), last_frame, masklets.end)
        return rows.take(np.argsort(regions, kind="stable"))


@dataclass(frozen=True)
class TrackTerminations(Columns):
    """The ends of a result's masklets, ordered by (from_frame, region, source).

    Attributes:
        region, source, from_frame, last_frame, end: as in Terminations. A masklet that reached a keyframe has a mask
            there only if it is propagated on from it.
        track: id of the region's track; -1 if none of its masks is in a track.
    """

    region: Int64[np.ndarray, " m"]
    track: Int32[np.ndarray, " m"]
    source: Int8[np.ndarray, " m"]
    from_frame: Int32[np.ndarray, " m"]
    last_frame: Int32[np.ndarray, " m"]
    end: Int8[np.ndarray, " m"]
