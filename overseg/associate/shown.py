"""Choosing the row that a track shows on a frame, and summing up the tracks."""

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.masks import Source, keyframe_of
from overseg.data.tracks import Tracks
from overseg.data.visit import Outline

_LOSS_PER_FRAME = 0.01  # subtracted from a propagated mask's score per frame: of two with equal scores, the nearer wins


class ShownRows:
    """Chooses one row per track on each frame, and sums the tracks up."""

    def __init__(self, regions: Int64[np.ndarray, " r"], track_of_region: Int32[np.ndarray, " r"]) -> None:
        """`regions` is ascending, and `track_of_region` has the track of each, numbered from 0 without gaps."""
        self._regions = regions
        self._track_of_region = track_of_region
        n_tracks = int(track_of_region.max(initial=-1)) + 1
        self._first = np.full(n_tracks, np.iinfo(np.int32).max, np.int32)
        self._last = np.full(n_tracks, -1, np.int32)
        self._n = np.zeros(n_tracks, np.int32)
        self._score = np.zeros(n_tracks)
        self._area = np.zeros(n_tracks)
        self._sam_outputs = np.zeros((n_tracks, 3), np.int32)

    def show(self, rows: Outline) -> Int32[np.ndarray, " n"]:
        """The track of each row of one frame; -1 for a row that is not shown, because its track has a better one.

        A keyframe's own mask is better than a propagated one. Of propagated masks, the one with the higher score is
        better, where the score is reduced a little for each frame of distance; then the one with the smaller region.
        """
        track = self._track_of_region[np.searchsorted(self._regions, rows.region)]
        propagated = rows.source != Source.KEYFRAME
        support = rows.score - _LOSS_PER_FRAME * np.abs(rows.frame - keyframe_of(rows.region))
        order = np.lexsort((rows.source, rows.region, -support, propagated, track))
        first = np.flatnonzero(np.diff(track[order], prepend=-1))
        best = order[first]
        self._sum_up(rows, track, best)
        shown = np.full(len(track), -1, np.int32)
        shown[best] = track[best]
        return shown

    def tracks(self) -> Tracks:
        """The table of tracks over the frames so far; part_of is -1 everywhere."""
        most_frequent = np.argmax(self._sam_outputs, axis=1).astype(np.int8)
        return Tracks(
            first_frame=self._first,
            last_frame=self._last,
            n_frames=self._n,
            mean_score=(self._score / self._n).astype(np.float32),
            mean_area_px=(self._area / self._n).astype(np.float32),
            sam_output=np.where(self._sam_outputs.any(axis=1), most_frequent, np.int8(-1)),
            part_of=np.full(len(self._n), -1, np.int32),
        )

    def _sum_up(self, rows: Outline, track: Int32[np.ndarray, " n"], best: Int64[np.ndarray, " k"]) -> None:
        shown = track[best]  # each track once, so that plain indexing adds every row
        self._first[shown] = np.minimum(self._first[shown], rows.frame[best])
        self._last[shown] = np.maximum(self._last[shown], rows.frame[best])
        self._n[shown] += 1
        self._score[shown] += rows.score[best]
        self._area[shown] += rows.area_px[best]
        known = best[rows.sam_output[best] >= 0]
        self._sam_outputs[track[known], rows.sam_output[known]] += 1
