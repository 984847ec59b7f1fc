"""Near-duplicate masks of a picture are merged, without a model."""

import numpy as np
import pytest
import torch

from overseg.data.masks import sam_outputs_of
from overseg.generate.candidates import Candidates
from overseg.generate.merging import merged


def bars(ends: list[int], *, sam_output: int, logit: float = 5.0) -> Candidates:
    """Bars from the left border to these columns of a picture of 1 x 100."""
    logits = torch.full((len(ends), 1, 100), -logit)
    for row, end in enumerate(ends):
        logits[row, :, :end] = logit
    sam_outputs = np.full(len(ends), sam_output, np.int8)
    return Candidates(
        logits=logits,
        predicted_iou=np.linspace(0.9, 0.8, len(ends)).astype(np.float32),
        stability_score=np.full(len(ends), logit / 10, np.float32),
        sam_output=sam_outputs,
        sam_outputs=sam_outputs_of(sam_outputs),
        point_xy=np.zeros((len(ends), 2), np.float32),
    )


def merge(first: Candidates, others: Candidates, *, stability: float = 1.0) -> Candidates:
    """Merge with a stability score that is the same for all means."""

    def stability_score(logits: torch.Tensor) -> np.ndarray:
        return np.full(len(logits), stability, np.float32)

    return merged(first, others, max_iou=0.8, min_stability_score=0.45, stability_score=stability_score)


def test_the_best_becomes_the_mean_of_those_that_differ_by_noise():
    kept = merge(bars([], sam_output=-1), bars([80, 82, 84, 98], sam_output=1))
    assert len(kept) == 1  # 98 is a duplicate at IoU 0.82, and too different to be in the mean
    assert (kept.logits[0, 0] > 0).sum() == 82
    assert kept.predicted_iou[0] == np.float32(0.9) and kept.stability_score[0] == 1


def test_sam_outputs_of_duplicates_are_joined():
    both = Candidates.concatenate([bars([80], sam_output=0), bars([81], sam_output=2), bars([30], sam_output=1)])
    kept = merge(bars([], sam_output=-1), both)
    assert sorted(kept.sam_outputs.tolist()) == [0b010, 0b101]


@pytest.mark.parametrize(("stability", "is_mean"), [(0.4, False), (0.47, True), (0.6, True)])
def test_a_mean_has_to_be_stable_enough(stability, is_mean):
    both = Candidates.concatenate([bars([80], sam_output=0), bars([81], sam_output=0, logit=4.0)])
    kept = merge(bars([], sam_output=-1), both, stability=stability)
    assert kept.stability_score[0] == pytest.approx(stability if is_mean else 0.5)
    assert (kept.logits[0, 0, :80] == (4.5 if is_mean else 5)).all()


def test_first_masks_are_kept_even_where_they_are_duplicates():
    kept = merge(bars([80, 90], sam_output=-1), bars([81, 40], sam_output=1))
    assert kept.sam_output.tolist() == [-1, -1, 1]
    assert [(mask > 0).sum().item() for mask in kept.logits] == [80, 90, 40]
