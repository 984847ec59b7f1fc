"""Containment of tracks: the handle is part of the cup, the cup is part of the table setting."""

from collections import Counter, defaultdict

import numpy as np
from jaxtyping import Float32, Int32

from overseg.data.rles import Rles
from overseg.data.tracks import Tracks

_SMALLER = 0.9  # a part has less than this share of its whole's area: more than noise at the outlines


class Containment:
    """Finds the smallest track that contains each track, keyframe by keyframe.

    The counts of a track are dropped when the track has ended, so that memory does not grow with the video.
    """

    def __init__(self, tracks: Tracks, *, min_share: float = 0.9) -> None:
        """
        Args:
            tracks: all tracks; their part_of is ignored.
            min_share: a track is part of another if at least this share of its pixels, in (0, 1], lies inside the
                other, on the mean of the frames that they share.
        """
        self._mean_area_px: Float32[np.ndarray, " t"] = tracks.mean_area_px
        self._last_frame: Int32[np.ndarray, " t"] = tracks.last_frame
        self._min_share = min_share
        self._inside: defaultdict[int, Counter[int]] = defaultdict(Counter)  # part -> whole -> sum of shares
        self._together: defaultdict[int, Counter[int]] = defaultdict(Counter)  # part -> whole -> number of frames
        self._n_seen: Counter[int] = Counter()
        self._part_of = np.full(len(tracks), -1, dtype=np.int32)

    def add(self, frame: int, tracks: Int32[np.ndarray, " n"], rles: Rles) -> None:
        """Count the masks of one frame, which is later than the frames before; tracks[i] is the track of mask i."""
        share = rles.share_inside(rles)
        area = rles.area_px()
        inside = (share > 0) & (area[:, None] < _SMALLER * area[None, :])
        for row, column in np.argwhere(inside).tolist():
            part, whole = int(tracks[row]), int(tracks[column])
            self._inside[part][whole] += share[row, column]
            self._together[part][whole] += 1
        self._n_seen.update(tracks.tolist())
        for part in [part for part in self._n_seen if self._last_frame[part] <= frame]:
            self._settle(part)

    def part_of(self) -> Int32[np.ndarray, " t"]:
        """For each track the smallest track that contains it; -1 if none does.

        The whole must be visible on at least half of the counted frames of the part, so that a chance overlap does not
        count. It must have the larger mean area, so that there are no circles.
        """
        for part in list(self._n_seen):
            self._settle(part)
        return self._part_of

    def _settle(self, part: int) -> None:
        n_seen = self._n_seen.pop(part)
        together, inside = (sums.pop(part, Counter()) for sums in (self._together, self._inside))
        wholes = [
            whole
            for whole, n_shared in together.items()
            if inside[whole] >= self._min_share * n_shared
            and 2 * n_shared >= n_seen
            and self._mean_area_px[whole] > self._mean_area_px[part]
        ]
        self._part_of[part] = min(wholes, key=lambda whole: (self._mean_area_px[whole], whole), default=-1)
