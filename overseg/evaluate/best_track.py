"""The single track that follows an object best."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from overseg.data.rles import Rles
from overseg.evaluate.annotated import outside
from overseg.evaluate.boundary import boundary_f
from overseg.evaluate.overlaps import Overlaps
from overseg.evaluate.truth import Truth
from overseg.store.result import Result


@dataclass(frozen=True)
class BestTrack:
    """The tracks that follow an object best: by J, and by the mean of J and F, which need not be the same one.

    Attributes:
        track: the one with the largest J; -1 where there is no track.
        j: its mean IoU with the object over the annotated frames, in [0, 1].
        jf_track: the one with the largest mean of J and F; -1 where there is no track.
        jf: that mean, in [0, 1].
    """

    track: int
    j: float
    jf_track: int
    jf: float


def best_track(result: Result, truth: Truth, number: int, overlaps: Overlaps) -> BestTrack:
    """The best tracks for an object, by its row number in `truth.names`; of equal ones the first.

    F costs much more than J, so it is computed only for tracks that can still become the best: F is at most the share
    of frames on which the outlines come close.
    """
    j = overlaps.j[number]
    if not len(j):
        return BestTrack(-1, 0.0, -1, 0.0)
    at_most = (j + overlaps.f_at_most[number]) / 2
    known = _masks_of(truth, number)
    best, best_jf = -1, -1.0
    for track in np.lexsort((np.arange(len(j)), -j)).tolist():
        if at_most[track] > best_jf:
            jf = (j[track] + _mean_f(result, truth, track, known)) / 2
            if jf > best_jf:
                best, best_jf = track, float(jf)
    return BestTrack(int(j.argmax()), float(j.max()), best, best_jf)


def _masks_of(truth: Truth, number: int) -> dict[int, Rles]:
    """An object's masks by frame."""
    rows = np.flatnonzero(truth.object == number)
    frames = truth.frame[rows].tolist()
    return {
        frame: outside(truth.rles.take([row]), truth.void.get(frame))
        for frame, row in zip(frames, rows.tolist(), strict=True)
    }


def _mean_f(result: Result, truth: Truth, track: int, known: dict[int, Rles]) -> float:
    masks = result.masks_of(track)
    row_of = {frame: row for row, frame in enumerate(masks.frame.tolist())}
    nothing = Rles.empty(result.size).union()
    f: Float64[np.ndarray, " f"] = np.array(
        [
            boundary_f(
                outside(masks.rles.take([row_of[frame]]), truth.void.get(frame)) if frame in row_of else nothing, mask
            )
            for frame, mask in known.items()
        ]
    )
    return float(f.mean())
