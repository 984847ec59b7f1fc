"""All figures of a result's quality."""

from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

import numpy as np
from jaxtyping import Float64

from overseg.evaluate.agreement import agreement
from overseg.evaluate.field import FieldQuality, field_quality
from overseg.evaluate.stability import stability
from overseg.evaluate.table import as_table
from overseg.evaluate.truth import Truth
from overseg.evaluate.with_truth import RECALL_AT, ObjectQuality, recall, with_truth
from overseg.evaluate.without_truth import TrackQuality, without_truth
from overseg.stages import Report, Video
from overseg.store.result import Result

_MEANS = ("best_track_j", "best_track_jf", "union_j", "switches", "fragments", "undersegmentation_error")


@dataclass(frozen=True)
class Evaluation:
    """Quality of a result. `print` shows a table.

    Attributes:
        quality: of the tracks by themselves.
        agreement: of forward and backward masklets, by track; NaN where a track never has both.
        stability: by track, how well it moves with the picture; None without the video.
        objects: by object of the ground truth; None where there was none.
        field: by the measures that others publish, likewise.
    """

    quality: TrackQuality
    agreement: Float64[np.ndarray, " t"]
    stability: Float64[np.ndarray, " t"] | None
    objects: list[ObjectQuality] | None
    field: FieldQuality | None = None

    def __str__(self) -> str:
        return as_table(self)

    def means(self) -> dict[str, float | None]:
        """The figures of the whole result, by name; None where one is unknown."""
        found = {name: _known(value) for name, value in asdict(self.quality).items()}
        found["forward_backward_agreement"] = _mean(self.agreement)
        found["temporal_stability"] = None if self.stability is None else _mean(self.stability)
        return found

    def truth_means(self) -> dict[str, float | None]:
        """The means over the objects that are seen, and the share of them that is found; empty without ground truth."""
        if self.objects is None:
            return {}
        objects = [one for one in self.objects if one.n_seen]
        means = {name: _mean(np.array([float(getattr(one, name)) for one in objects])) for name in _MEANS}
        recalls = {f"recall_at_{iou:g}": recall(objects, iou) for iou in RECALL_AT}
        of_field = {} if self.field is None else {name: _known(value) for name, value in asdict(self.field).items()}
        return means | recalls | of_field

    def as_json(self) -> dict[str, Any]:
        """All figures, ready for JSON; NaN is None."""
        columns = {"agreement": self.agreement, "stability": self.stability}
        facts: dict[str, Any] = {
            "means": self.means(),
            "tracks": {name: None if values is None else _all_known(values) for name, values in columns.items()},
        }
        if self.objects is not None:
            rows = [{name: _known(value) for name, value in asdict(one).items()} for one in self.objects]
            facts["ground_truth"] = {"means": self.truth_means(), "objects": rows}
        return facts


def evaluate(result: Result, truth: Truth | None, video: Video | None, report: Report) -> Evaluation:
    """All figures of a result's quality.

    Args:
        result: of a run.
        truth: the ground truth; None without it.
        video: the frames that the result was made from; None where they are missing.
        report: gets the progress.
    """
    return Evaluation(
        quality=without_truth(result),
        agreement=agreement(result, progress=lambda done, n: report.progress("agreement", done, n)),
        stability=None
        if video is None
        else stability(result, video, progress=lambda done, n: report.progress("stability", done, n)),
        objects=None
        if truth is None
        else with_truth(result, truth, progress=lambda done, n: report.progress("ground truth", done, n)),
        field=None if truth is None else field_quality(result, truth),
    )


def _mean(values: Float64[np.ndarray, " n"]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _all_known(values: Float64[np.ndarray, " n"]) -> list[float | None]:
    return [_known(value) for value in values.tolist()]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and isnan(value) else value
