"""Compiled parts give the same masks, as whole graphs."""

import inspect
import logging
from pathlib import Path
from unittest.mock import Mock

import pytest
from propagate.propagator_suite import panning_video, three_discs
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.visit import Direction
from overseg.propagate.sam2.attention import OneFrameMemoryAttention
from overseg.propagate.sam2.model import compile_parts, load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.propagate.sam2.runtime import is_side_by_side
from overseg.stages import Clip

N_PARTS = 5


def shortened(model: SAM2Base) -> SAM2Base:
    """The model without layers that are like others, which would all be traced."""
    del model.memory_attention.original.layers[2:]
    return model


def test_no_part_breaks_into_several_graphs(
    small_sam2: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_batches: None
) -> None:
    from torch._dynamo.utils import counters

    # The tests' type checks are not part of the graph. Pytest would make a log record of every step of the tracing.
    monkeypatch.setattr(OneFrameMemoryAttention, "forward", inspect.unwrap(OneFrameMemoryAttention.forward))
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
    weights = save_random_sam2(tmp_path / "sam2.1.pt", "2.1")
    clip, prompts = Clip(panning_video(2), 0, 1), three_discs().take([0, 1])  # one graph of each part
    plain, compiled = (shortened(load_sam2(weights, image_size=64)) for _ in range(2))
    counters.clear()
    assert [is_side_by_side(model) for model in (compiled, plain)] == [True, True]
    compile_parts(compiled, backend="eager")  # the same operations, so that only the graphs are tested
    assert [is_side_by_side(model) for model in (compiled, plain)] == [False, True]
    found, expected = (
        Sam2Propagator(model, min_area_px=1).propagate(clip, prompts, Direction.FORWARD).masks
        for model in (compiled, plain)
    )
    assert found.rles == expected.rles
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] >= N_PARTS


def test_only_memory_attention_takes_any_number_of_masks_in_one_graph() -> None:
    """Upstream notes that a prompt encoder and a mask decoder of any number are less accurate."""
    names = ("memory_attention", "image_encoder", "memory_encoder", "sam_prompt_encoder", "sam_mask_decoder")
    model = Mock(spec=SAM2Base, **{name: Mock() for name in names})
    compile_parts(model)
    found = [getattr(model, name).compile.call_args.kwargs for name in names]
    assert found == [{"backend": "inductor", "dynamic": name == "memory_attention"} for name in names]
