"""Image features of frames: encoded together, cached, and copied to host memory only where they are kept."""

from threading import current_thread

import pytest
import torch
from propagate.propagator_suite import panning_video, three_discs
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.visit import Direction
from overseg.propagate.sam2 import features, runtime
from overseg.propagate.sam2.features import FeatureEncoder, ImageFeatures
from overseg.propagate.sam2.model import load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip

VIDEO = panning_video(3)


@pytest.fixture(scope="module")
def model(small_sam2: None, tmp_path_factory: pytest.TempPathFactory) -> SAM2Base:
    return load_sam2(save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1"), image_size=64)


def counted(monkeypatch: pytest.MonkeyPatch, model: SAM2Base) -> list[int]:
    """A list that gets the number of frames of each pass of the image encoder."""
    forward, sizes = model.forward_image, []
    monkeypatch.setattr(model, "forward_image", lambda images: sizes.append(len(images)) or forward(images))
    return sizes


def test_frames_have_the_same_features_beside_any_others(model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, together = (FeatureEncoder(model, cache_bytes=0) for _ in range(2))
    with torch.inference_mode():
        expected = [alone.features(VIDEO.info, VIDEO[index]) for index in range(3)]
        monkeypatch.setattr(features, "frames_at_once", lambda _: 2)
        sizes = counted(monkeypatch, model)
        found = together.batch(VIDEO.info, [(VIDEO[index], together.pixels(VIDEO[index])) for index in range(3)])
        last = together.features(VIDEO.info, VIDEO[2])
    assert sizes == [2, 2, 2]  # always two, so that the features do not depend on their number
    for one, other in zip(found, expected, strict=True):
        assert all(torch.allclose(*pair, atol=1e-4) for pair in zip(one.levels, other.levels, strict=True))
    assert all(torch.equal(*pair) for pair in zip(found[2].levels, last.levels, strict=True))


def test_cached_frames_are_not_encoded_again(model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "frames_at_once", lambda _: 2)
    sizes, encoder = counted(monkeypatch, model), FeatureEncoder(model, cache_bytes=1 << 30)
    with torch.inference_mode():
        first = encoder.features(VIDEO.info, VIDEO[1])
        found = encoder.batch(VIDEO.info, [(VIDEO[index], encoder.pixels(VIDEO[index])) for index in range(2)])
    assert sizes == [2, 2]
    assert torch.equal(found[1].levels[0], first.levels[0])


def test_without_a_cache_nothing_is_copied(model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AssertionError("features were copied")

    monkeypatch.setattr(ImageFeatures, "to", fails)
    with torch.inference_mode():
        FeatureEncoder(model, cache_bytes=0).features(VIDEO.info, VIDEO[0])


def test_a_clip_that_is_decoded_ahead_has_the_same_masks(model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, prompts = Clip(VIDEO, 0, 2), three_discs().take([0])
    expected = Sam2Propagator(model, min_area_px=1).propagate(clip, prompts, Direction.FORWARD).masks
    monkeypatch.setattr(runtime, "is_side_by_side", lambda _: False)
    pixels, threads = FeatureEncoder.pixels, []
    monkeypatch.setattr(
        FeatureEncoder, "pixels", lambda encoder, frame: threads.append(current_thread()) or pixels(encoder, frame)
    )
    found = Sam2Propagator(model, min_area_px=1, max_batch=1).propagate(clip, prompts, Direction.FORWARD).masks
    assert len(threads) == 3
    assert current_thread() not in threads
    assert found.rles.iou(expected.rles).diagonal().min() > 0.99


def test_pixels_for_a_gpu_are_in_pinned_memory(model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """From other memory, a copy would not run while the GPU computes."""
    pinned = []
    monkeypatch.setattr(features, "_pinned", lambda pixels, device: pinned.append(device) or pixels)
    for device in (torch.device("cpu"), torch.device("cuda:1")):
        monkeypatch.setattr(type(model), "device", device)
        FeatureEncoder(model, cache_bytes=0).pixels(VIDEO[0])
    assert pinned == [torch.device("cuda:1")]
