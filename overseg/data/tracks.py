"""The table of tracks, and the table of frames, of a finished result."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int8, Int32

from overseg.data.renamed import Renamed

SAM_OUTPUTS = ("subpart", "part", "whole")  # by number; see Tracks.sam_output


@dataclass(frozen=True)
class Tracks:
    """Regions tracked through time. A track's id is its row number.

    Attributes:
        first_frame, last_frame: first and last frame with a mask (inclusive).
        n_frames: number of frames with a mask; less than last - first + 1 where there are gaps.
        mean_score: mean of its masks' scores, in [0, 1].
        mean_area_px: mean area of its masks, in pixels.
        sam_output: the most frequent SAM output among its keyframe masks (0 subpart, 1 part, 2 whole); -1 if unknown.
        part_of: id of the smallest track that contains this one; -1 if none does.
    """

    first_frame: Int32[np.ndarray, " t"]
    last_frame: Int32[np.ndarray, " t"]
    n_frames: Int32[np.ndarray, " t"]
    mean_score: Float32[np.ndarray, " t"]
    mean_area_px: Float32[np.ndarray, " t"]
    sam_output: Int8[np.ndarray, " t"]
    part_of: Int32[np.ndarray, " t"]

    level = Renamed("sam_output")

    def __len__(self) -> int:
        return len(self.first_frame)

    @property
    def exists(self) -> Bool[np.ndarray, " t"]:
        """Whether each track has a mask. One that was deleted or merged into another keeps its number and has none."""
        return self.n_frames > 0


@dataclass(frozen=True)
class Frames:
    """One row per processed frame.

    Attributes:
        timestamp_s: presentation time in the file, in seconds.
        shot: number of the shot it belongs to (0-based).
        is_keyframe: whether masks were generated on it.
        n_masks: number of masks of tracks on it.
        covered_px: number of pixels under at least one of them.
        mask_px: sum of their areas; mask_px / covered_px is the mean number of masks over a covered pixel.
    """

    timestamp_s: Float64[np.ndarray, " f"]
    shot: Int32[np.ndarray, " f"]
    is_keyframe: Bool[np.ndarray, " f"]
    n_masks: Int32[np.ndarray, " f"]
    covered_px: Int32[np.ndarray, " f"]
    mask_px: Int32[np.ndarray, " f"]

    def __len__(self) -> int:
        return len(self.timestamp_s)
