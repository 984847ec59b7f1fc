"""How well the toy video's shapes are tracked, from perfect masks and from noisy ones."""

import numpy as np
import pytest
from toy import NAMES, SIZE, ToyVideo, TruthGenerator
from toy_runs import run_toy

from overseg.data.rles import Rles
from overseg.evaluate.truth import Truth
from overseg.evaluate.with_truth import ObjectQuality, with_truth


def quality(path, generator: TruthGenerator) -> list[ObjectQuality]:
    """Of a run, for every shape."""
    video = generator.video
    rows = (
        (frame, number, Rles.from_masks(mask[None]).counts[0])
        for frame in range(len(video))
        for number, mask in enumerate(video.truth(frame).values())
    )
    truth = Truth.from_rows(NAMES, rows, SIZE)
    return with_truth(run_toy(path, generator), truth, progress=lambda done, n: None)


def test_from_perfect_masks_every_shape_is_one_track_without_a_switch(tmp_path):
    shapes = quality(tmp_path / "a.zarr", TruthGenerator(ToyVideo(40)))
    assert [(one.switches, one.fragments, one.n_followed) for one in shapes] == [(0, 1, 40)] * len(NAMES)
    assert min(one.best_track_j for one in shapes) > 0.95
    assert len({one.best_track for one in shapes}) == len(NAMES)
    assert max(one.undersegmentation_error for one in shapes) < 0.05


@pytest.fixture(scope="module")
def noisy(tmp_path_factory) -> list[ObjectQuality]:
    """Masks that grow and shrink by a pixel, a fifth of them missing and a fifth in halves, six times over."""
    folder = tmp_path_factory.mktemp("noisy")
    return [
        one
        for seed in range(6)
        for one in quality(
            folder / f"{seed}.zarr", TruthGenerator(ToyVideo(40), jitter_px=1, miss=0.2, split=0.2, seed=seed)
        )
    ]


def test_from_noisy_masks_nearly_every_shape_is_still_tracked(noisy):
    assert np.mean([one.best_track_j >= 0.7 for one in noisy]) >= 0.95


def test_from_noisy_masks_there_is_at_most_one_switch_in_500_masks(noisy):
    assert sum(one.switches for one in noisy) <= sum(one.n_seen for one in noisy) / 500
