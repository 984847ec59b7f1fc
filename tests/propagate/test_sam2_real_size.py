"""All sizes of SAM 2 at the size at which they were trained."""

import pytest
import torch
from propagate.propagator_suite import panning_video, three_discs

from overseg.data.visit import Direction
from overseg.propagate.sam2.attention import OneFrameMemoryAttention
from overseg.propagate.sam2.model import prepare_tables
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import random_sam2
from overseg.stages import Clip

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", ["t", "s", "b+", "l"])
def test_a_mask_is_propagated_at_1024_px(size: str) -> None:
    model = random_sam2("2.1", size=size)
    model.memory_attention = OneFrameMemoryAttention(model.memory_attention)
    prepare_tables(model)
    with torch.inference_mode():
        masklets = Sam2Propagator(model, min_area_px=1).propagate(
            Clip(panning_video(2), 0, 1), three_discs().take([0]), Direction.FORWARD
        )
    assert masklets.masks.frame.tolist() == [1]
    assert 0 < masklets.masks.rles.area_px()[0] < 90 * 120
