"""SAM and SAM 2 on a real GPU: devices, types and batches that fake tensors cannot show.

    pytest -m cuda --noconftest tests/test_on_cuda.py

The other tests' settings hide all GPUs, so they are left out. OVERSEG_TEST_DEVICE=cuda:1 tests the second GPU, and
OVERSEG_TEST_DEVICE=cpu tries these tests themselves where there is none.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from overseg.batching import Batches
from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.generate import sam_models
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam_models import EncoderInDtype
from overseg.generate.tiny_vit import TinyVit
from overseg.precision import whole_float32
from overseg.propagate.device_rles import rles_at_size
from overseg.propagate.sam2.logit_cleanup import small_components
from overseg.propagate.sam2.model import load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip
from overseg.video.open import open_video

DEVICE = os.environ.get("OVERSEG_TEST_DEVICE", "cuda")
IS_GPU = DEVICE.startswith("cuda")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(IS_GPU and not torch.cuda.is_available(), reason="PyTorch finds no NVIDIA GPU"),
]
SIZE = (90, 130)
GIB = 1 << 30


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")


@pytest.fixture(scope="module")
def clip() -> Clip:
    noise = np.random.default_rng(0).integers(0, 255, (1, 12, 18, 3), np.uint8)
    large = noise.repeat(10, axis=1).repeat(10, axis=2)[0]
    video = open_video([np.ascontiguousarray(large[: SIZE[0], 3 * k : 3 * k + SIZE[1]]) for k in range(5)])
    return Clip(video, 0, 4)


@pytest.fixture
def in_whole_float32() -> Iterator[None]:
    with whole_float32():
        yield


@pytest.fixture
def at_most_a_gib() -> Iterator[None]:
    """What PyTorch may use of the GPU."""
    if not IS_GPU:
        pytest.skip("for a GPU")
    number = torch.device(DEVICE).index or 0
    total_bytes = torch.cuda.get_device_properties(number).total_memory
    torch.cuda.set_per_process_memory_fraction(GIB / total_bytes, number)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, number)


def discs() -> Rles:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    circles = ((65, 45, 30), (35, 30, 15), (95, 60, 20))
    return Rles.from_masks(np.array([(x - u) ** 2 + (y - v) ** 2 <= r**2 for u, v, r in circles]))


def propagated(weights: Path, clip: Clip, device: str = DEVICE, **options: object) -> Rles:
    model = load_sam2(weights, device=device, image_size=128)
    return Sam2Propagator(model, min_area_px=1, **options).propagate(clip, discs(), Direction.FORWARD).masks.rles


def generated(
    frame: Frame, device: str = DEVICE, *, exact: bool = False, dtype: torch.dtype = torch.float32
) -> KeyframeMasks:
    """Masks of an untrained SAM with an encoder of MobileSAM's design, which is sure of all of them."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        sam = sam_models._assemble(TinyVit()).eval()
        sam.mask_decoder.iou_prediction_head.layers[-1].bias += 0.9
    if dtype != torch.float32:
        sam.image_encoder = EncoderInDtype(sam.image_encoder, dtype)
    anything = {"points_per_side": 2, "stability_score_thresh": 0, "min_area_px": 1, "dtype": dtype}
    generator = (
        ExactSam1Generator(sam.to(device), box_nms_thresh=1, **anything)
        if exact
        else Sam1Generator(sam.to(device), mask_nms_thresh=1, min_coverage=0, skip_redundant=False, **anything)
    )
    return generator.generate(frame, discs())


def test_masks_in_float32_are_those_of_the_cpu(weights: Path, clip: Clip, in_whole_float32: None) -> None:
    on_gpu, on_cpu = (propagated(weights, clip, device) for device in (DEVICE, "cpu"))
    assert on_gpu.iou(on_cpu).diagonal().min() > 0.99


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_masks_twice_and_with_a_cache_or_without(weights: Path, clip: Clip, dtype: str) -> None:
    first, again = (propagated(weights, clip, dtype=dtype) for _ in range(2))
    assert first == again
    assert propagated(weights, clip, dtype=dtype, feature_cache_bytes=0) == first


def test_another_batch_size_gives_nearly_the_same_masks(weights: Path, clip: Clip, in_whole_float32: None) -> None:
    one_by_one, together = (propagated(weights, clip, max_batch=n) for n in (1, 3))
    assert one_by_one.iou(together).diagonal().min() > 0.99


@pytest.mark.skipif(not IS_GPU, reason="for a GPU")
def test_the_last_gpu_is_the_only_one_that_is_used(weights: Path, clip: Clip) -> None:
    last = torch.cuda.device_count() - 1
    for device in range(last + 1):
        torch.cuda.reset_peak_memory_stats(device)
    before = [torch.cuda.memory_allocated(device) for device in range(last + 1)]
    propagated(weights, clip, f"cuda:{last}")
    assert all(torch.cuda.max_memory_allocated(device) == before[device] for device in range(last))
    assert torch.cuda.max_memory_allocated(last) > before[last]


def test_objects_are_prompted_and_corrected(weights: Path, clip: Clip) -> None:
    session = Sam2Propagator(load_sam2(weights, device=DEVICE, image_size=128), dtype="bfloat16").session(clip.video)
    session.prompt(Prompts.of_points(SIZE, object=1, frame=1, xy=[(60, 45), (20, 20)], labels=[1, 0]))
    session.prompt(Prompts.of_boxes(SIZE, object=[2], frame=1, boxes_xyxy=[(40, 30, 100, 90)]))
    assert [masks.frame.tolist() for masks in session.propagate(1, 3)] == [[1, 1], [2, 2], [3, 3]]
    corrected = session.prompt(Prompts.of_points(SIZE, object=1, frame=2, xy=[(60, 45)], labels=[1]))
    assert corrected.frame.tolist() == [2]


@pytest.mark.parametrize("exact", [True, False])
def test_masks_of_a_picture_are_those_of_the_cpu(clip: Clip, in_whole_float32: None, exact: bool) -> None:
    on_gpu, on_cpu = (generated(clip.video[0], device, exact=exact).rles for device in (DEVICE, "cpu"))
    assert len(on_cpu) > 2
    assert len(on_gpu) == len(on_cpu)
    assert on_gpu.iou(on_cpu).max(axis=1).min() > 0.98


def test_masks_of_a_picture_in_mixed_precision_are_the_same_twice(clip: Clip) -> None:
    first, again = (generated(clip.video[0], dtype=torch.bfloat16).rles for _ in range(2))
    assert len(first) > 0
    assert first == again


def test_runs_and_small_regions_are_those_of_the_cpu() -> None:
    logits = torch.randn(5, 1, 40, 60, generator=torch.Generator().manual_seed(0))
    on_gpu = logits.to(DEVICE)
    assert rles_at_size(on_gpu, (40, 60)) == rles_at_size(logits, (40, 60))
    assert rles_at_size(on_gpu, (110, 77)).iou(rles_at_size(logits, (110, 77))).diagonal().min() > 0.999
    assert torch.equal(small_components(on_gpu > 0, 8).cpu(), small_components(logits > 0, 8))


def test_batches_shrink_where_the_gpu_has_no_more_memory(at_most_a_gib: None) -> None:
    tried: list[int] = []

    def work(rows: slice) -> range:
        tried.append(rows.stop - rows.start)
        torch.empty((tried[-1], GIB * 3 // 10), dtype=torch.uint8, device=DEVICE)
        return range(rows.start, rows.stop)

    assert [row for part in Batches(row="mask", advice="").map(work, 6, at_most=6) for row in part] == list(range(6))
    assert tried == [6, 3, 3]
