"""How much segments leak out of objects."""

import numpy as np
from jaxtyping import Float64, Int64

from overseg.evaluate.annotated import AnnotatedFrame


class UndersegmentationError:
    """The undersegmentation error of the partition in which each pixel belongs to the smallest mask over it.

    A segment is the part of this partition that belongs to a track, over all annotated frames. It leaks by the smaller
    of its parts inside and outside of the object (Neubert, Protzel, "Superpixel Benchmark and Comparison", Forum
    Bildverarbeitung 2012, who use no threshold). The leaks are divided by the object's volume (Xu, Corso, "Evaluation
    of Super-voxel Methods for Early Video Processing", CVPR 2012, section 4.1, who extended the error to volumes):
    UE(object) = sum over segments of min(volume inside, volume outside) / volume of the object.
    """

    def __init__(self, n_objects: int, n_tracks: int) -> None:
        self._inside = np.zeros((n_objects, n_tracks), np.int64)
        self._volume = np.zeros(n_tracks, np.int64)
        self._object_volume = np.zeros(n_objects, np.int64)

    def add(self, frame: AnnotatedFrame) -> None:
        """Count one frame."""
        n_tracks = len(self._volume)
        track_at = np.append(frame.tracks, -1)[frame.row_at]
        self._volume += _count(track_at, n_tracks)
        for row in frame.seen.tolist():
            mask, number = frame.truth.take([row]).to_masks()[0], frame.objects[row]
            self._inside[number] += _count(track_at[mask], n_tracks)
            self._object_volume[number] += np.count_nonzero(mask)

    def result(self) -> Float64[np.ndarray, " o"]:
        """For each object; 0 is best, NaN for one that is never seen."""
        leaked = np.minimum(self._inside, self._volume - self._inside).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return leaked / self._object_volume


def _count(track_at: np.ndarray, n_tracks: int) -> Int64[np.ndarray, " t"]:
    return np.bincount(track_at.ravel() + 1, minlength=n_tracks + 1)[1:].astype(np.int64)
