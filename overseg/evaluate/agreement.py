"""Whether a region propagated forward and the same region propagated backward in time agree."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int64

from overseg.data.masks import Source
from overseg.store.columns import StoredRows
from overseg.store.result import Result


def agreement(result: Result, *, progress: Callable[[int, int], None]) -> Float64[np.ndarray, " t"]:
    """For each track the mean IoU of its forward and its backward masklets; NaN where it never has both.

    Frames between keyframes count where both were kept. Of several masklets of one direction the best supported
    one counts.
    """
    regions, track_of = result.region_tracks()
    total, n = np.zeros(len(result.tracks)), np.zeros(len(result.tracks), np.int64)
    for frame in range(len(result)):
        progress(frame, len(result))
        if result.frames.is_keyframe[frame] or not len(regions):
            continue
        rows = result.rows_at(frame)
        at = np.minimum(np.searchsorted(regions, rows.region), len(regions) - 1)
        track = np.where(regions[at] == rows.region, track_of[at], -1).astype(np.int64)
        forward, backward = (_best_rows(rows, track, source) for source in (Source.FORWARD, Source.BACKWARD))
        both, one, other = np.intersect1d(track[forward], track[backward], return_indices=True)
        for number, a, b in zip(both.tolist(), forward[one].tolist(), backward[other].tolist(), strict=True):
            total[number] += rows.rles.take([a]).iou(rows.rles.take([b]))[0, 0]
            n[number] += 1
    progress(len(result), len(result))
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)


def _best_rows(rows: StoredRows, track: Int64[np.ndarray, " n"], source: Source) -> Int64[np.ndarray, " k"]:
    """The best supported row of each track that was propagated this way, ordered by track."""
    propagated = np.flatnonzero((rows.source == source) & (track >= 0))
    order = propagated[np.lexsort((rows.region[propagated], -rows.score[propagated], track[propagated]))]
    return order[np.flatnonzero(np.diff(track[order], prepend=-1))]
