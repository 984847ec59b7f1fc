"""Comparisons of masks with those of a model's own code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One comparison of masks with those of upstream's code.

    Attributes:
        what: name of the comparison.
        n_masks: number of masks compared.
        worst_iou, median_iou: smallest and median IoU of a mask of ours with upstream's, in [0, 1].
        n_apart: masks that only one of the two has.
        upstream_s, ours_s: seconds taken.
        least_worst_iou, least_median_iou: what passes.
    """

    what: str
    n_masks: int
    worst_iou: float
    median_iou: float
    n_apart: int
    upstream_s: float
    ours_s: float
    least_worst_iou: float = 0.999
    least_median_iou: float = 0.999

    @property
    def passes(self) -> bool:
        enough = self.worst_iou >= self.least_worst_iou and self.median_iou >= self.least_median_iou
        return self.n_masks > 0 and enough and not self.n_apart
