"""Open-world tracking accuracy (OWTA), as TrackEval computes it."""

import numpy as np
from jaxtyping import Int64

from overseg.data.label_map import split
from overseg.evaluate.annotated import AnnotatedFrame


class OwtaSums:
    """Gathers the overlaps of objects with tracks of which none overlaps another: small ones lie on top.

    OWTA is the square root of detection recall times association accuracy, averaged over 19 thresholds of IoU; masks
    without an annotation do not count against it (Liu et al., "Opening up open-world tracking", CVPR 2022).
    """

    def __init__(self) -> None:
        self._objects: list[Int64[np.ndarray, " o"]] = []
        self._tracks: list[Int64[np.ndarray, " n"]] = []
        self._iou: list[np.ndarray] = []

    def add(self, frame: AnnotatedFrame) -> None:
        """Count one frame."""
        parts = split(frame.row_at, len(frame.found))
        visible, seen = np.flatnonzero(parts.area_px() > 0), frame.seen
        self._objects.append(frame.objects[seen].astype(np.int64))
        self._tracks.append(frame.tracks[visible].astype(np.int64))
        self._iou.append(frame.truth.take(seen).iou(parts.take(visible)))

    def result(self) -> float | None:
        """OWTA in [0, 1]; NaN without a seen object, None where the package trackeval is missing."""
        try:
            from trackeval.metrics import HOTA
        except ImportError:
            return None
        objects, in_objects = _numbered(self._objects)
        tracks, in_tracks = _numbered(self._tracks)
        if not objects:
            return float("nan")
        found = HOTA().eval_sequence(
            {
                "num_gt_ids": objects,
                "num_tracker_ids": tracks,
                "num_gt_dets": sum(map(len, in_objects)),
                "num_tracker_dets": sum(map(len, in_tracks)),
                "gt_ids": in_objects,
                "tracker_ids": in_tracks,
                "similarity_scores": self._iou,
            }
        )
        return float(np.mean(found["OWTA"]))


def _numbered(frames: list[Int64[np.ndarray, " k"]]) -> tuple[int, list[Int64[np.ndarray, " k"]]]:
    """How many different ids there are, and the ids numbered from 0 without gaps."""
    ids = np.unique(np.concatenate([np.zeros(0, np.int64), *frames]))
    return len(ids), [np.searchsorted(ids, frame) for frame in frames]
