"""The first and last frame of regions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.columns import Columns


@dataclass(frozen=True)
class Spans(Columns):
    """The first and the last frame of regions.

    Attributes:
        region: id of the region.
        first_frame, last_frame: the first and the last frame with a mask, both included.
    """

    region: Int64[np.ndarray, " n"]
    first_frame: Int32[np.ndarray, " n"]
    last_frame: Int32[np.ndarray, " n"]

    @classmethod
    def of_rows(cls, region: Int64[np.ndarray, " n"], frame: Int32[np.ndarray, " n"]) -> "Spans":
        """The spans of regions, where region[i] has a mask on frame[i]."""
        return cls(region, frame, frame).joined()

    def joined(self) -> "Spans":
        """One row for each region, ascending, from the first frame of its rows to the last.

        >>> spans = Spans.of_rows(np.array([7, 3, 7]), np.array([4, 9, 2], np.int32))
        >>> spans.region.tolist(), spans.first_frame.tolist(), spans.last_frame.tolist()
        ([3, 7], [9, 2], [9, 4])
        """
        rows = self.take(np.argsort(self.region, kind="stable"))
        starts = np.flatnonzero(np.diff(rows.region, prepend=-1))
        if not len(starts):
            return rows
        first, last = rows.first_frame, rows.last_frame
        return Spans(rows.region[starts], np.minimum.reduceat(first, starts), np.maximum.reduceat(last, starts))
