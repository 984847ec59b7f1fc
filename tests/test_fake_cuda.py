"""Both SAMs on a fake GPU in bfloat16, from a picture to masks: no step mixes devices or types."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from fake_cuda import FakeCuda
from propagate.propagator_suite import SIZE, panning_video, three_discs

from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.generate import sam_models
from overseg.generate.candidates import Thresholds
from overseg.generate.encoding import Framing
from overseg.generate.enlarging import Enlarging
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.prompt_batches import PromptBatches
from overseg.generate.prompting import PromptedFrame
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam1_prompted import Sam1PromptMasks
from overseg.generate.sam_models import EncoderInDtype
from overseg.propagate.sam2 import features, runtime
from overseg.propagate.sam2.attention import OneFrameMemoryAttention
from overseg.propagate.sam2.features import Sam2Images
from overseg.propagate.sam2.memory import ObjectMemory
from overseg.propagate.sam2.model import prepare_tables
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import random_sam2
from overseg.stages import Clip

GPU = FakeCuda()
CLIP = Clip(panning_video(3), 0, 2)
BFLOAT16 = torch.bfloat16


@pytest.fixture(scope="module")
def sam2(small_sam2: None) -> torch.nn.Module:
    model = random_sam2("2.1")
    model.memory_attention = OneFrameMemoryAttention(model.memory_attention)
    GPU.moved(model)
    with pytest.MonkeyPatch.context() as patch, GPU.running(patch):
        prepare_tables(model)
    return model


@pytest.fixture(scope="module")
def propagator(sam2: torch.nn.Module) -> Sam2Propagator:
    return Sam2Propagator(sam2, dtype="bfloat16", min_area_px=1, max_batch=3)


@pytest.fixture(scope="module")
def sam1() -> torch.nn.Module:
    with torch.device("meta"):  # values do not matter, and take a second
        vit = sam_models.vit_encoder(768, 12)
        vit.blocks = vit.blocks[:3]  # the third has global attention
        return GPU.moved(sam_models._assemble(EncoderInDtype(vit, BFLOAT16)).eval())


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(runtime, "ahead", lambda work, items, **_: (work(item) for item in items))  # in this thread
    monkeypatch.setattr(features, "_pinned", lambda pixels, _: pixels)
    with GPU.running(monkeypatch):
        yield


def test_sam2_encodes_takes_masks_remembers_and_propagates(propagator: Sam2Propagator, on_gpu: None) -> None:
    masks = propagator.propagate(CLIP, three_discs(), Direction.FORWARD).masks
    assert masks.frame.tolist() == [1, 2]  # without values, one mask of each batch is not empty


def test_sam2_waits_for_the_gpu_only_where_masks_leave_it(sam2: torch.nn.Module, on_gpu: None) -> None:
    """For the number of runs, the runs, and the scores; not for each mask, nor for what it is sent."""
    propagator = Sam2Propagator(sam2, dtype="bfloat16", min_area_px=1, max_batch=3, feature_cache_bytes=0)
    propagator.propagate(Clip(panning_video(2), 0, 1), three_discs(), Direction.FORWARD)
    masks = [("encoded", "nonzero"), ("encoded", "cpu"), ("propagate", "cpu")]
    ended = [("propagate", "a copy"), ("_propagated", "a copy")]  # of two of the three, as there are no values
    assert GPU.waits == [("remember", "a copy"), *masks, *ended]  # the first for the masks to propagate


def test_sam2_takes_points_and_boxes_and_corrects(propagator: Sam2Propagator, on_gpu: None) -> None:
    session = propagator.session(CLIP.video)
    session.prompt(Prompts.of_points(SIZE, object=1, frame=1, xy=[(60, 45), (20, 20)], labels=[1, 0]))
    session.prompt(Prompts.of_boxes(SIZE, object=[2], frame=1, boxes_xyxy=[(40, 30, 100, 90)]))
    assert len(list(session.propagate(1, 2))) == 2
    corrected = session.prompt(Prompts.of_points(SIZE, object=1, frame=2, xy=[(60, 45)], labels=[1]))
    assert corrected.frame.tolist() == [2]


@pytest.mark.parametrize("generator", [Sam1Generator, ExactSam1Generator])
def test_sam1_encodes_decodes_and_enlarges(sam1: torch.nn.Module, on_gpu: None, generator: type) -> None:
    options = {"min_coverage": 0} if generator is Sam1Generator else {}
    made = generator(sam1, points_per_side=1, pred_iou_thresh=0, stability_score_thresh=0, dtype=BFLOAT16, **options)
    masks = made.generate(CLIP.video[0], three_discs())
    assert masks.rles.size == SIZE


def test_masks_are_enlarged_together_and_their_stability_is_computed_together(on_gpu: None) -> None:
    enlarging = Enlarging(Framing(SIZE, 1024), (256, 256), torch.device("cuda:0"))
    logits = torch.zeros((5, 256, 256), device="cuda")
    GPU.waits.clear()
    enlarging.stability_score(logits, max_samples=None)
    enlarging.masks(logits)
    assert GPU.waits == [("stability_score_at_once", "cpu"), ("encoded", "nonzero"), ("encoded", "cpu")]


def test_sam1_waits_for_the_gpu_five_times_for_a_batch_of_points(sam1: torch.nn.Module, on_gpu: None) -> None:
    """For estimates, borders, a check, similarities, and stability; not for each mask, nor for what it is sent."""
    batching = PromptBatches(64, sam1.device)
    options = {"batching": batching, "floors": Thresholds(0, 0), "stability_samples": None}
    prompted = PromptedFrame(FrameEncoder(sam1, dtype=BFLOAT16), CLIP.video[0], **options)
    points_xy = np.array([(60.0, 45.0), (20.0, 20.0)])
    GPU.waits.clear()
    list(prompted.prompt_points(points_xy, points_xy))
    assert [reason for _, reason in GPU.waits] == ["cpu", "nonzero", "__bool__", "cpu", "cpu"]


def test_sam1_takes_points_and_boxes_and_enlarges_masks_in_float32(
    sam1: torch.nn.Module, on_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge, is_mixed = Enlarging.masks, []

    def noted(enlarging: Enlarging, logits: torch.Tensor) -> Rles:
        is_mixed.append(torch.is_autocast_enabled("cuda"))
        return enlarge(enlarging, logits)

    monkeypatch.setattr(Enlarging, "masks", noted)
    points = Prompts.of_points(SIZE, object=1, frame=0, xy=[(60, 45), (20, 20)], labels=[1, 0])
    boxes = Prompts.of_boxes(SIZE, object=[2], frame=0, boxes_xyxy=[(40, 30, 100, 90)])
    prompt_masks = Sam1PromptMasks(FrameEncoder(sam1, dtype=BFLOAT16))
    assert len(prompt_masks.masks(CLIP.video[0], Prompts.concatenate([points, boxes])).rles) == 2
    assert is_mixed == [False, False]


def test_an_index_in_host_memory_fails(
    propagator: Sam2Propagator, on_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = ObjectMemory.keep
    monkeypatch.setattr(ObjectMemory, "keep", lambda memory, rows: keep(memory, rows.cpu()))
    with pytest.raises(RuntimeError, match="expected an index on cuda:0, got one on cpu"):
        propagator.propagate(CLIP, three_discs(), Direction.FORWARD)


def test_a_weight_in_host_memory_fails(
    sam2: torch.nn.Module, propagator: Sam2Propagator, on_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sam2._parameters, "no_obj_ptr", sam2.no_obj_ptr.cpu())
    with pytest.raises(RuntimeError, match="at least two devices, cuda:0 and cpu"):
        propagator.propagate(CLIP, three_discs(), Direction.FORWARD)


def test_another_type_where_precision_is_not_mixed_fails(
    sam2: torch.nn.Module, on_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    normalised = Sam2Images._normalised
    monkeypatch.setattr(Sam2Images, "_normalised", lambda images, pixels: normalised(images, pixels).bfloat16())
    with pytest.raises(RuntimeError, match="should be the same"):
        Sam2Propagator(sam2, min_area_px=1, max_batch=3).propagate(CLIP, three_discs(), Direction.FORWARD)
