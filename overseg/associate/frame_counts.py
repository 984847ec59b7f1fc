"""Counting the masks and the covered pixels of every frame of a result."""

import numpy as np
from jaxtyping import Bool, Float64, Int32

from overseg.data.rles import Rles
from overseg.data.tracks import Frames


class FrameCounts:
    """Counts of every frame; a frame that is not added has no masks."""

    def __init__(self, n_frames: int) -> None:
        self._n_masks, self._covered_px, self._mask_px = (np.zeros(n_frames, np.int32) for _ in range(3))

    def add(self, frame: int, rles: Rles) -> None:
        """Count the masks of a frame."""
        self._n_masks[frame] = len(rles)
        self._covered_px[frame] = rles.union().area_px()[0]
        self._mask_px[frame] = rles.area_px().sum()

    def frames(
        self,
        *,
        timestamp_s: Float64[np.ndarray, " f"],
        shot: Int32[np.ndarray, " f"],
        is_keyframe: Bool[np.ndarray, " f"],
    ) -> Frames:
        """The table of frames, with these columns and the counts."""
        return Frames(timestamp_s, shot, is_keyframe, self._n_masks, self._covered_px, self._mask_px)
