"""Average recall of tubes, as YouTube-VIS defines it."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from overseg.evaluate.annotated import AnnotatedFrame

MAX_TUBES = (1, 10, 100)
IOU_THRESHOLDS = np.arange(0.5, 1.0, 0.05)


class TubeRecall:
    """Gathers the volumes of tracks and objects, and of what they share. Objects have no categories here.

    The IoU of two tubes is the sum of their intersections over the sum of their unions, over all annotated frames; a
    missing mask is empty (Yang, Fan, Xu, "Video Instance Segmentation", ICCV 2019, section 3.2). Recall is averaged
    over the thresholds .5, .55, …, .95 (COCO's AR).
    """

    def __init__(self, n_objects: int, n_tracks: int) -> None:
        self._both = np.zeros((n_objects, n_tracks))
        self._of_track = np.zeros((n_objects, n_tracks))  # on frames where the object is annotated
        self._of_object = np.zeros(n_objects)

    def add(self, frame: AnnotatedFrame) -> None:
        """Count one frame."""
        area, known_area = frame.found.area_px().astype(float), frame.truth.area_px().astype(float)
        iou = frame.truth.iou(frame.found)
        pairs = np.ix_(frame.objects, frame.tracks)
        self._both[pairs] += np.round(iou * (known_area[:, None] + area) / (1 + iou))
        self._of_track[pairs] += area
        self._of_object[frame.objects] += known_area

    def iou(self) -> Float64[np.ndarray, "o t"]:
        """The IoU of each object's tube with each track's."""
        either = self._of_object[:, None] + self._of_track - self._both
        return np.divide(self._both, either, out=np.zeros_like(either), where=either > 0)

    def result(self, scores: Float64[np.ndarray, " t"]) -> Mapping[int, float]:
        """Average recall with at most 1, 10 and 100 tracks, those with the highest scores; NaN without a seen object.

        Each track, the one with the highest score first, finds the object with which it has the largest IoU among those
        that no track before it found, if that reaches the threshold.
        """
        seen = self._of_object > 0
        if not seen.any():
            return {n: float("nan") for n in MAX_TUBES}
        in_order = self.iou()[seen][:, np.lexsort((np.arange(len(scores)), -scores))]
        return {n: float(np.mean([_recall(in_order[:, :n], least) for least in IOU_THRESHOLDS])) for n in MAX_TUBES}


def _recall(iou: Float64[np.ndarray, "o t"], least: float) -> float:
    left = np.ones(len(iou), bool)
    for of_track in iou.T:
        candidates = np.where(left, of_track, -1.0)
        best = int(candidates.argmax()) if len(candidates) else 0
        left[best] &= candidates[best] < least
    return 1 - float(left.mean())
