"""The overlap of each track with each object, over all annotated frames."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32

from overseg.data.rles import Rles
from overseg.evaluate.annotated import AnnotatedFrame
from overseg.evaluate.boundary import tolerance_px

FOLLOWED_IOU = 0.5  # a track that agrees with an object this much on a frame follows it there


@dataclass(frozen=True)
class Overlaps:
    """Sums over annotated frames. J is as in DAVIS: 1 on a frame where neither the object nor the track is seen.

    Attributes:
        n_frames: by object, the frames on which it is annotated.
        n_seen: by object, those on which it is seen.
        j: mean IoU of each track with each object.
        f_at_most: a bound on the mean of the boundary measure F of each track with each object.
        touches: whether the track and the object share a pixel anywhere.
        followed: by object, frame after frame where it is seen, the tracks that follow it there.
    """

    n_frames: Int32[np.ndarray, " o"]
    n_seen: Int32[np.ndarray, " o"]
    j: Float64[np.ndarray, "o t"]
    f_at_most: Float64[np.ndarray, "o t"]
    touches: Bool[np.ndarray, "o t"]
    followed: tuple[tuple[frozenset[int], ...], ...]


class OverlapSums:
    """Gathers `Overlaps` frame by frame. Memory holds a few numbers for each pair of an object and a track."""

    def __init__(self, n_objects: int, n_tracks: int) -> None:
        self._n_frames, self._n_seen = np.zeros(n_objects, np.int32), np.zeros(n_objects, np.int32)
        self._iou = np.zeros((n_objects, n_tracks))
        self._near = np.zeros((n_objects, n_tracks), np.int32)
        self._touches = np.zeros((n_objects, n_tracks), bool)
        self._followed: list[list[frozenset[int]]] = [[] for _ in range(n_objects)]

    def add(self, frame: AnnotatedFrame) -> None:
        """Count one frame."""
        self._n_frames[frame.objects] += 1
        unseen = np.setdiff1d(frame.objects, frame.objects[frame.seen])
        for sums in (self._iou, self._near):
            sums[unseen] += 1
            sums[np.ix_(unseen, frame.tracks)] -= 1
        objects, truth = frame.objects[frame.seen], frame.truth.take(frame.seen)
        self._n_seen[objects] += 1
        iou, pairs = truth.iou(frame.found), np.ix_(objects, frame.tracks)
        self._iou[pairs] += iou
        self._touches[pairs] |= iou > 0
        self._near[pairs] += _near(truth, frame.found)
        for number, row in zip(objects.tolist(), iou, strict=True):
            self._followed[number].append(frozenset(frame.tracks[row >= FOLLOWED_IOU].tolist()))

    def result(self) -> Overlaps:
        """The means over all frames counted."""
        n = np.maximum(self._n_frames, 1)[:, None]
        followed = tuple(tuple(frames) for frames in self._followed)
        return Overlaps(self._n_frames, self._n_seen, self._iou / n, self._near / n, self._touches, followed)


def _near(truth: Rles, found: Rles) -> Bool[np.ndarray, "o n"]:
    """Whether two masks' boxes come so close that their outlines could agree somewhere."""
    margin = tolerance_px(truth.size) + 1
    (left, top, width, height), (left2, top2, width2, height2) = (
        rles.boxes_xywh().T[:, :, None] if rles is truth else rles.boxes_xywh().T[:, None, :] for rles in (truth, found)
    )
    apart = (left > left2 + width2 + margin) | (left2 > left + width + margin)
    return ~(apart | (top > top2 + height2 + margin) | (top2 > top + height + margin))
