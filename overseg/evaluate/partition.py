"""Measures of a video's partition into segments, for ground truth that covers the whole picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int64

from overseg.evaluate.annotated import AnnotatedFrame, smallest_on_top

_DENSE_SHARE = 0.9  # of the annotated frames' pixels that objects cover, for truth to be dense
_BOUNDARY_PX = 2  # how far a boundary of the truth may be from one that was found


@dataclass(frozen=True)
class PartitionQuality:
    """How well segments keep to the regions of dense ground truth; NaN where the truth is not dense.

    Attributes:
        asa: achievable segmentation accuracy, in [0, 1]: the share of pixels that are right if each segment gets the
            region with which it shares most pixels (Liu et al., "Entropy rate superpixel segmentation", CVPR 2011).
        boundary_recall: share of the truth's boundary pixels with a segments' boundary within 2 pixels.
        undersegmentation_3d: mean over the regions of (volume of the segments that touch it, less its own) over its
            own (Xu, Corso, "Evaluation of super-voxel methods for early video processing", CVPR 2012).
    """

    asa: float
    boundary_recall: float
    undersegmentation_3d: float


class PartitionSums:
    """Gathers the volumes of segments and regions frame by frame.

    A segment is what belongs to a track where each pixel belongs to the smallest mask over it; pixels under no mask are
    one segment more. Pixels of no object, or void, count for nothing.
    """

    def __init__(self, n_objects: int, n_tracks: int) -> None:
        self._shared = np.zeros((n_objects, n_tracks + 1), np.int64)  # the last segment: pixels under no mask
        self._volume = np.zeros(n_tracks + 1, np.int64)
        self._n_px, self._n_known = 0, 0
        self._n_boundary, self._n_recalled = 0, 0

    def add(self, frame: AnnotatedFrame) -> None:
        """Count one frame."""
        region_at = np.append(frame.objects, -1)[smallest_on_top(frame.truth, frame.objects)]
        segment_at = np.append(frame.tracks, len(self._volume) - 1)[frame.row_at]
        known = region_at >= 0
        np.add.at(self._shared, (region_at[known], segment_at[known]), 1)
        self._volume += np.bincount(segment_at[known], minlength=len(self._volume))
        self._n_px += known.size
        self._n_known += int(np.count_nonzero(known))
        boundary = _boundary(region_at)
        self._n_boundary += int(np.count_nonzero(boundary))
        self._n_recalled += int(np.count_nonzero(boundary & _near(_boundary(segment_at), _BOUNDARY_PX)))

    def result(self) -> PartitionQuality:
        """The measures over all frames counted."""
        if not self._n_known or self._n_known < _DENSE_SHARE * self._n_px:
            return PartitionQuality(float("nan"), float("nan"), float("nan"))
        volume = self._shared.sum(axis=1)
        seen = volume > 0
        touching = ((self._shared > 0) * self._volume).sum(axis=1)
        return PartitionQuality(
            asa=float(self._shared.max(axis=0).sum() / self._n_known),
            boundary_recall=self._n_recalled / self._n_boundary if self._n_boundary else 1.0,
            undersegmentation_3d=float(np.mean(touching[seen] / volume[seen] - 1)),
        )


def _boundary(labels: Int64[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose right or lower neighbour has another label."""
    boundary = np.zeros(labels.shape, bool)
    boundary[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    boundary[:-1] |= labels[:-1] != labels[1:]
    return boundary


def _near(boundary: Bool[np.ndarray, "h w"], radius_px: int) -> Bool[np.ndarray, "h w"]:
    """Pixels at most so many rows and columns from a boundary pixel."""
    square = np.ones((2 * radius_px + 1, 2 * radius_px + 1), np.uint8)
    return cv2.dilate(boundary.astype(np.uint8), square).astype(bool)
