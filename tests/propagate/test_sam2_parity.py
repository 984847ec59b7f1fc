"""Sam2Propagator gives the masks of upstream's SAM2VideoPredictor, with one object per mask."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch
from propagate.propagator_suite import ArrayVideo, discs, panning_video
from small_sam2 import small_sam2

from overseg.data.masklets import PropagatedMasks
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.propagate.sam2.model import Sam2Variant, load_sam2
from overseg.propagate.sam2.parity import Parity, compare, upstream_masks, upstream_predictor
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip

SIZE = (180, 260)
PROMPTS = discs(SIZE, (130, 90, 60), (70, 60, 30), (190, 120, 25))
LARGE_PROMPTS = discs(SIZE, (60, 40, 140), (200, 150, 130), (130, 90, 110))


@pytest.fixture(params=["2", "2.1"])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Sam2Variant]:
    return save_random_sam2(tmp_path / f"sam{request.param}.pt", request.param), Sam2Variant(request.param, "t")


@pytest.fixture(params=["2", "2.1"])
def small_weights(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Sam2Variant]]:
    with small_sam2():
        yield save_random_sam2(tmp_path / f"sam{request.param}.pt", request.param), Sam2Variant(request.param, "t")


def video(n_frames: int) -> ArrayVideo:
    return panning_video(n_frames, SIZE, step_px=6)


def assert_telling(upstream: dict[int, Rles]) -> None:
    """Assert masks that an error would change: not empty, not full, and different from each other."""
    for masks in upstream.values():
        height, width = masks.size
        share = masks.area_px() / (height * width)
        assert share.min() > 0.05
        assert share.max() < 0.95
        others = masks.iou(masks)[~np.eye(len(masks), dtype=bool)]
        assert others.max() < 0.997


def components(masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The output of upstream's compiled extension: 8-connected components of masks [n, 1, h, w], and their areas."""
    labels = np.stack([scipy.ndimage.label(mask, np.ones((3, 3)))[0] for mask in masks[:, 0].numpy()])
    areas = np.stack([np.where(one > 0, np.bincount(one.ravel())[one], 0) for one in labels])
    return torch.from_numpy(labels)[:, None], torch.from_numpy(areas)[:, None]


def test_same_masks_in_both_directions(
    weights: tuple[Path, Sam2Variant], monkeypatch: pytest.MonkeyPatch, both_ways: Callable
) -> None:
    path, variant = weights
    max_hole_area_px = 8 if variant.version == "2.1" else 0
    monkeypatch.setattr("sam2.utils.misc.get_connected_components", components)
    predictor = upstream_predictor(path, variant, device="cpu", image_size=128, max_hole_area_px=max_hole_area_px)
    model = load_sam2(path, image_size=128)
    propagators = both_ways(model, min_area_px=1, max_batch=2, max_hole_area_px=max_hole_area_px)
    clip = Clip(video(6), 1, 4)
    for direction in Direction:
        expected = upstream_masks(predictor, clip, PROMPTS, direction)
        assert_telling(expected)
        for propagator in propagators:
            parity = compare(propagator.propagate(clip, PROMPTS, direction).masks, expected, min_area_px=1)
            assert parity.worst_iou >= 0.999
            assert (parity.n_masks, parity.n_ended_apart) == (9, 0)


def test_same_masks_beyond_the_reach_of_memory_and_beside_a_mask_that_ends(
    small_weights: tuple[Path, Sam2Variant], both_ways: Callable
) -> None:
    """18 frames: memory features reach 6 frames, pointers 15. One of the masks gets too small in between."""
    path, variant = small_weights
    predictor = upstream_predictor(path, variant, device="cpu", image_size=64)
    model = load_sam2(path, image_size=64)
    clip = Clip(video(18), 0, 17)
    expected = upstream_masks(predictor, clip, LARGE_PROMPTS, Direction.FORWARD)
    assert_telling(expected)
    smallest_px = np.sort(np.min([masks.area_px() for masks in expected.values()], axis=0))
    for limit_px, n_reaching in ((1, 3), (int(smallest_px[:2].mean()), 2)):
        options = {"min_area_px": limit_px, "max_batch": 2, "max_hole_area_px": 0}
        for propagator in both_ways(model, **options):
            ours = propagator.propagate(clip, LARGE_PROMPTS, Direction.FORWARD).masks
            parity = compare(ours, expected, min_area_px=limit_px)
            assert parity.worst_iou >= 0.999
            assert parity.n_ended_apart == 0
            assert (ours.frame == 17).sum() == n_reaching


def test_the_comparison_finds_differences() -> None:
    disc, smaller = (discs(SIZE, (130, 90, radius)) for radius in (60, 59))
    nothing = Rles.from_masks(np.zeros((1, *SIZE), dtype=bool))
    ours = PropagatedMasks(
        rles=Rles.concatenate(SIZE, [disc, disc]),
        prompt=np.array([0, 1], np.int32),
        frame=np.array([1, 1], np.int32),
        score=np.ones(2, np.float32),
    )

    def upstream(*frames: tuple[Rles, Rles]) -> dict[int, Rles]:
        return {number: Rles.concatenate(SIZE, pair) for number, pair in enumerate(frames, start=1)}

    assert compare(ours, upstream((disc, disc), (nothing, nothing)), min_area_px=1) == Parity(1.0, 2, 0)
    assert compare(ours, upstream((disc, disc), (disc, nothing)), min_area_px=1) == Parity(1.0, 2, 1)
    assert compare(ours, upstream((disc, nothing)), min_area_px=1) == Parity(0.0, 2, 0, 0.5)
    assert 0.9 < compare(ours, upstream((disc, smaller)), min_area_px=1).worst_iou < 0.99
    assert compare(ours.take(np.zeros(0, np.int64)), {}, min_area_px=1) == Parity(1.0, 0, 0)
