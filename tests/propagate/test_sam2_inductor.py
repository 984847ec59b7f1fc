"""Graphs that inductor compiles on the CPU give the masks of the same model without them."""

import inspect
import logging
from pathlib import Path

import pytest
from propagate.propagator_suite import panning_video, three_discs

from overseg.data.visit import Direction
from overseg.propagate.sam2.attention import OneFrameMemoryAttention
from overseg.propagate.sam2.model import compile_parts, load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip

pytestmark = pytest.mark.slow


def test_masks_are_those_without_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_batches: None) -> None:
    from torch._dynamo.utils import counters

    monkeypatch.setattr(OneFrameMemoryAttention, "forward", inspect.unwrap(OneFrameMemoryAttention.forward))
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
    weights = save_random_sam2(tmp_path / "sam2.1.pt", "2.1")
    clip, prompts = Clip(panning_video(3), 0, 2), three_discs()
    plain, compiled = (load_sam2(weights, image_size=64) for _ in range(2))
    compile_parts(compiled)
    counters.clear()
    found, expected = (
        Sam2Propagator(model, min_area_px=1, max_batch=4).propagate(clip, prompts, Direction.FORWARD).masks
        for model in (compiled, plain)
    )
    assert found.frame.tolist() == expected.frame.tolist()
    assert found.rles.iou(expected.rles).diagonal().min() >= 0.999
    assert not counters["graph_break"]
