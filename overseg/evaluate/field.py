"""The measures that others publish, so that their figures can be put beside ours."""

from dataclasses import dataclass

import numpy as np

from overseg.evaluate.annotated import annotated_frames
from overseg.evaluate.davis_unsupervised import davis_unsupervised_jf
from overseg.evaluate.owta import OwtaSums
from overseg.evaluate.partition import PartitionSums
from overseg.evaluate.truth import Truth
from overseg.evaluate.tube_recall import TubeRecall
from overseg.store.result import Result


@dataclass(frozen=True)
class FieldQuality:
    """A result by the measures of the field, against all objects of the ground truth; NaN without a seen object.

    Attributes:
        ar_at_1, ar_at_10, ar_at_100: YouTube-VIS's average recall of tubes, without categories, in [0, 1].
        owta: open-world tracking accuracy, in [0, 1]; None where the package trackeval is missing.
        davis_unsupervised_jf: mean of J and F as DAVIS measures unsupervised methods, in [0, 1].
        asa, boundary_recall: in [0, 1], for truth that covers nearly the whole picture; else NaN.
        undersegmentation_error_3d: likewise; 0 is best.
    """

    ar_at_1: float
    ar_at_10: float
    ar_at_100: float
    owta: float | None
    davis_unsupervised_jf: float
    asa: float
    boundary_recall: float
    undersegmentation_error_3d: float


def field_quality(result: Result, truth: Truth) -> FieldQuality:
    """All measures; tracks are ranked by their mean score over all frames of the video, 0 where they are not seen."""
    n_objects, n_tracks = len(truth.names), len(result.tracks)
    tubes, partition, owta = TubeRecall(n_objects, n_tracks), PartitionSums(n_objects, n_tracks), OwtaSums()
    for frame in annotated_frames(result, truth):
        for sums in (tubes, partition, owta):
            sums.add(frame)
    ar = tubes.result(result.tracks.mean_score * result.tracks.n_frames.astype(np.float64) / max(len(result), 1))
    of_partition = partition.result()
    return FieldQuality(
        ar_at_1=ar[1],
        ar_at_10=ar[10],
        ar_at_100=ar[100],
        owta=owta.result(),
        davis_unsupervised_jf=davis_unsupervised_jf(result, truth),
        asa=of_partition.asa,
        boundary_recall=of_partition.boundary_recall,
        undersegmentation_error_3d=of_partition.undersegmentation_3d,
    )
