"""SAM 2 on a real GPU: devices, types and batches that fake tensors cannot show.

    pytest -m cuda --noconftest tests/test_on_cuda.py

The other tests' settings hide all GPUs, so they are left out.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.propagate.sam2.model import load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip
from overseg.video.open import open_video

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU that PyTorch can use"),
]
SIZE = (90, 130)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")


@pytest.fixture(scope="module")
def clip() -> Clip:
    noise = np.random.default_rng(0).integers(0, 255, (1, 12, 18, 3), np.uint8)
    large = noise.repeat(10, axis=1).repeat(10, axis=2)[0]
    video = open_video([np.ascontiguousarray(large[: SIZE[0], 3 * k : 3 * k + SIZE[1]]) for k in range(5)])
    return Clip(video, 0, 4)


def discs() -> Rles:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    circles = ((65, 45, 30), (35, 30, 15), (95, 60, 20))
    return Rles.from_masks(np.array([(x - u) ** 2 + (y - v) ** 2 <= r**2 for u, v, r in circles]))


def propagated(weights: Path, clip: Clip, device: str, **options: object) -> Rles:
    model = load_sam2(weights, device=device, image_size=128)
    return Sam2Propagator(model, min_area_px=1, **options).propagate(clip, discs(), Direction.FORWARD).masks.rles


def test_masks_in_float32_are_those_of_the_cpu(weights: Path, clip: Clip) -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    on_gpu, on_cpu = (propagated(weights, clip, device) for device in ("cuda", "cpu"))
    assert on_gpu.iou(on_cpu).diagonal().min() > 0.99


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_masks_twice_and_with_a_cache_or_without(weights: Path, clip: Clip, dtype: str) -> None:
    first, again = (propagated(weights, clip, "cuda", dtype=dtype) for _ in range(2))
    assert first == again
    assert propagated(weights, clip, "cuda", dtype=dtype, feature_cache_bytes=0) == first


def test_the_last_gpu_is_the_only_one_that_is_used(weights: Path, clip: Clip) -> None:
    last = torch.cuda.device_count() - 1
    for device in range(last + 1):
        torch.cuda.reset_peak_memory_stats(device)
    before = [torch.cuda.memory_allocated(device) for device in range(last + 1)]
    propagated(weights, clip, f"cuda:{last}")
    assert all(torch.cuda.max_memory_allocated(device) == before[device] for device in range(last))
    assert torch.cuda.max_memory_allocated(last) > before[last]


def test_objects_are_prompted_and_corrected(weights: Path, clip: Clip) -> None:
    session = Sam2Propagator(load_sam2(weights, device="cuda", image_size=128), dtype="bfloat16").session(clip.video)
    session.prompt(Prompts.of_points(SIZE, object=1, frame=1, xy=[(60, 45), (20, 20)], labels=[1, 0]))
    session.prompt(Prompts.of_boxes(SIZE, object=[2], frame=1, boxes_xyxy=[(40, 30, 100, 90)]))
    assert [masks.frame.tolist() for masks in session.propagate(1, 3)] == [[1, 1], [2, 2], [3, 3]]
    corrected = session.prompt(Prompts.of_points(SIZE, object=1, frame=2, xy=[(60, 45)], labels=[1]))
    assert corrected.frame.tolist() == [2]
