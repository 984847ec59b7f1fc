"""In bfloat16, SAM 2 computes every part in the types in which upstream's predictor computes it under autocast."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from propagate.propagator_suite import discs, panning_video
from torch import nn

from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.propagate.sam2.features import FeatureEncoder
from overseg.propagate.sam2.model import Sam2Variant, load_sam2
from overseg.propagate.sam2.parity import upstream_masks, upstream_predictor
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip

SIZE = (90, 130)
IMAGE_SIZE = 64
PROMPTS = discs(SIZE, (65, 45, 30), (35, 30, 15), (95, 60, 20))
CLIP = Clip(panning_video(3, SIZE), 0, 2)
PARTS = ("memory_attention", "memory_encoder", "sam_prompt_encoder", "sam_mask_decoder")


@pytest.fixture(scope="module")
def weights(small_sam2: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")


def types_in(value: Any) -> Any:
    """The types of all tensors in nested arguments."""
    if isinstance(value, torch.Tensor):
        return value.dtype
    if isinstance(value, dict):
        return {name: types_in(one) for name, one in value.items()}
    return [types_in(one) for one in value] if isinstance(value, list | tuple) else None


def watched(model: nn.Module) -> list[tuple[str, Any, Any]]:
    """A list that gets the types of the inputs and outputs of the model's parts, call by call."""
    calls: list[tuple[str, Any, Any]] = []
    for part in PARTS:

        def note(module: nn.Module, args: Any, kwargs: Any, output: Any, part: str = part) -> None:
            calls.append((part, types_in([*args, kwargs]), types_in(output)))

        getattr(model, part).register_forward_hook(note, with_kwargs=True)
    return calls


def upstreams_masks(weights: Path, *, all_at_once: bool = False) -> dict[int, Rles]:
    predictor = upstream_predictor(
        weights, Sam2Variant("2.1", "t"), device="cpu", image_size=IMAGE_SIZE, all_at_once=all_at_once
    )
    with torch.autocast("cpu", torch.bfloat16):
        return upstream_masks(predictor, CLIP, PROMPTS, Direction.FORWARD)


def test_every_part_gets_and_returns_what_it_does_in_upstream(weights: Path) -> None:
    one = PROMPTS.take([0])
    model = load_sam2(weights, image_size=IMAGE_SIZE)
    ours = watched(model)
    Sam2Propagator(model, dtype="bfloat16", min_area_px=1).propagate(CLIP, one, Direction.FORWARD)
    predictor = upstream_predictor(weights, Sam2Variant("2.1", "t"), device="cpu", image_size=IMAGE_SIZE)
    theirs = watched(predictor)
    with torch.autocast("cpu", torch.bfloat16):
        upstream_masks(predictor, CLIP, one, Direction.FORWARD)
    last = [part for part, *_ in theirs].index("sam_mask_decoder", len(theirs) - 2)
    assert ours == theirs[: last + 1]  # ours makes no memory of the last frame
    assert {output for part, _, output in ours if part == "memory_attention"} == {torch.float32}


def test_features_keep_the_types_of_their_levels_and_cached_ones_too(weights: Path) -> None:
    encoder, video = FeatureEncoder(load_sam2(weights, image_size=IMAGE_SIZE), cache_bytes=1 << 30), panning_video(1)
    for _ in range(2):  # encoded, and then cached
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            levels = encoder.features(video.info, video[0]).levels
        assert [level.dtype for level in levels] == [torch.bfloat16, torch.bfloat16, torch.float32]


def test_masks_are_those_of_upstream_with_the_same_batch_size(weights: Path, both_ways: Callable) -> None:
    """One object at a time, as on a CPU, and all at once, as on a GPU. Upstream's own two differ by up to 1.4 %."""
    model = load_sam2(weights, image_size=IMAGE_SIZE)
    propagators = both_ways(model, dtype="bfloat16", min_area_px=1, max_hole_area_px=0, max_batch=3)
    for propagator, all_at_once in zip(propagators, (False, True), strict=True):
        expected = upstreams_masks(weights, all_at_once=all_at_once)
        found = propagator.propagate(CLIP, PROMPTS, Direction.FORWARD).masks
        ours = {frame: found.rles.take(np.flatnonzero(found.frame == frame)) for frame in expected}
        ious = np.concatenate([ours[frame].iou(expected[frame]).diagonal() for frame in expected])
        assert len(ious) == 6
        assert np.median(ious) >= 0.999
        assert ious.min() >= 0.99
