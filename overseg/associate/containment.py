"""The containment of tracks: the handle is part of the cup, the cup part of the table setting."""

from collections import defaultdict

import numpy as np
from jaxtyping import Float32, Int32

from overseg.data.rles import Rles

_SMALLER = 0.9  # a part is smaller than its whole by more than the noise of their outlines


class Containment:
    """Gathers, frame by frame, how much of each track lies inside each other one."""

    def __init__(self, *, min_share: float = 0.9) -> None:
        """
        Args:
            min_share: a track is part of another when, on the mean of the frames they share, at least this share of
                its pixels, in (0, 1], lies inside the other.
        """
        self._min_share = min_share
        self._shares: defaultdict[tuple[int, int], list[float]] = defaultdict(lambda: [0, 0.0])
        self._n_seen: defaultdict[int, int] = defaultdict(int)

    def add(self, tracks: Int32[np.ndarray, " n"], rles: Rles) -> None:
        """Look at the masks of one frame; tracks[i] is the track of the i-th mask."""
        share = rles.share_inside(rles)
        area = rles.area_px()
        inside = (share > 0) & (area[:, None] < _SMALLER * area[None, :])
        for part, whole in np.argwhere(inside).tolist():
            count_and_sum = self._shares[int(tracks[part]), int(tracks[whole])]
            count_and_sum[0] += 1
            count_and_sum[1] += float(share[part, whole])
        for track in tracks.tolist():
            self._n_seen[track] += 1

    def part_of(self, mean_area_px: Float32[np.ndarray, " t"]) -> Int32[np.ndarray, " t"]:
        """For each track the smallest track that contains it; -1 where none does.

        The two must share at least half of the frames looked at on which the part is seen, so that a chance meeting
        does not decide; and the whole must be the larger one on the mean, so that there are no circles.
        """
        part_of = np.full(len(mean_area_px), -1, dtype=np.int32)
        for (part, whole), (n_shared, total) in sorted(self._shares.items()):
            contained = total >= self._min_share * n_shared and 2 * n_shared >= self._n_seen[part]
            smaller = mean_area_px[whole] < mean_area_px[part_of[part]] if part_of[part] >= 0 else True
            if contained and smaller and mean_area_px[whole] > mean_area_px[part]:
                part_of[part] = whole
        return part_of
