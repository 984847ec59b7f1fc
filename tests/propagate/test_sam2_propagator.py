"""Sam2Propagator passes the tests of all propagators, and keeps its promises about work and memory."""

import re

import numpy as np
import pytest
import torch
from propagate.propagator_suite import SIZE, MakePropagator, PropagatorSuite, discs, panning_video, three_discs
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.masklets import End, PropagatedMasks
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.errors import DeviceError, InputError, SettingsError
from overseg.propagate.device_rles import rles_at_size
from overseg.propagate.sam2.features import ADVICE, FeatureEncoder, ImageFeatures
from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory
from overseg.propagate.sam2.model import load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.stages import Clip
from overseg.weights import catalogue

CPU_LINE = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes"
OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory")
IMAGE_SIZE = 64  # small, because there are many runs; other tests compare with upstream at 256 and 128


@pytest.fixture(scope="module")
def model(small_sam2: None, tmp_path_factory: pytest.TempPathFactory) -> SAM2Base:
    checkpoint = save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")
    return load_sam2(checkpoint, image_size=IMAGE_SIZE)


class TestSam2(PropagatorSuite):
    @pytest.fixture
    def make(self, model: SAM2Base) -> MakePropagator:
        return lambda **options: Sam2Propagator(model, **options)


class TestSam2InBatches(TestSam2):
    same_iou = 0.99  # another batch size changes the order of sums, and a small mask has few pixels

    @pytest.fixture
    def make(self, model: SAM2Base, in_batches: None) -> MakePropagator:
        return lambda **options: Sam2Propagator(model, max_batch=4, **options)


def propagate(model: SAM2Base, *, prompts: Rles | None = None, **options) -> PropagatedMasks:
    propagator = Sam2Propagator(model, min_area_px=1, **options)
    return propagator.propagate(Clip(panning_video(4), 0, 3), prompts or three_discs(), Direction.FORWARD).masks


def count_calls(monkeypatch: pytest.MonkeyPatch, model: SAM2Base, name: str) -> list[int]:
    """A list of the batch sizes of all later calls of a method of `model`."""
    original, batches = getattr(model, name), []

    def counted(*args, **kwargs):
        batches.append(len(args[0]) if args else kwargs["current_vision_feats"][0].shape[1])
        return original(*args, **kwargs)

    monkeypatch.setattr(model, name, counted)
    return batches


class TestWork:
    @pytest.mark.parametrize(("cache_bytes", "expected"), [(1 << 30, [4, 4, 4]), (0, [4, 8, 12])])
    def test_frames_are_encoded_once_with_a_cache_and_once_a_visit_without(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch, cache_bytes: int, expected: list[int]
    ) -> None:
        encoded = count_calls(monkeypatch, model, "forward_image")
        propagator = Sam2Propagator(model, min_area_px=1, max_batch=2, feature_cache_bytes=cache_bytes)
        clip, n_encoded = Clip(panning_video(6), 1, 4), []
        for direction in (Direction.FORWARD, Direction.BACKWARD, Direction.FORWARD):
            assert len(propagator.propagate(clip, three_discs(), direction).masks) == 9
            n_encoded.append(len(encoded))
        assert n_encoded == expected

    def test_cached_features_give_exactly_the_same_masks(self, model: SAM2Base) -> None:
        cached = Sam2Propagator(model, min_area_px=1)
        clip = Clip(panning_video(4), 0, 3)
        first, again = (cached.propagate(clip, three_discs(), Direction.FORWARD).masks for _ in range(2))
        assert first.rles == again.rles == propagate(model, feature_cache_bytes=0).rles

    def test_another_picture_with_the_same_frame_number_is_encoded(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        encoded = count_calls(monkeypatch, model, "forward_image")
        propagator = Sam2Propagator(model, min_area_px=1)
        for video in (panning_video(2), panning_video(2, step_px=3)):
            propagator.propagate(Clip(video, 0, 1), three_discs(), Direction.FORWARD)
        assert len(encoded) == 4

    def test_without_masks_no_frame_is_encoded(self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
        encoded = count_calls(monkeypatch, model, "forward_image")
        assert len(propagate(model, prompts=Rles.from_masks(np.zeros((2, *SIZE), dtype=bool)))) == 0
        assert encoded == []

    def test_masks_are_propagated_one_by_one_on_a_cpu(self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
        batches = count_calls(monkeypatch, model, "_track_step")
        propagate(model, max_batch=2)
        assert batches == [1] * 12

    def test_masks_are_propagated_in_batches(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch, in_batches: None
    ) -> None:
        batches = count_calls(monkeypatch, model, "_track_step")
        propagate(model, max_batch=2)
        assert batches == [2, 1] * 4

    def test_ended_masklets_are_not_propagated_further(self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
        batches = count_calls(monkeypatch, model, "_track_step")
        bias = model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias
        monkeypatch.setattr(bias, "data", torch.full_like(bias, -100))
        assert len(propagate(model)) == 0
        assert batches == [1] * 6  # on the prompts' frame, and on the next one, on which all objects are gone


class TestDoneOnce:
    """Computations that are the same for all masks are done once."""

    def test_the_first_self_attention_is_computed_for_one_row(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch, in_batches: None
    ) -> None:
        rows: list[list[int]] = []
        for layer in model.memory_attention.original.layers:
            original, seen = layer._forward_sa, []
            rows.append(seen)

            def counted(features, position, original=original, seen=seen):
                seen.append(len(features))
                return original(features, position)

            monkeypatch.setattr(layer, "_forward_sa", counted)
        propagate(model, max_batch=3)
        first, *others = rows
        assert first == [1, 1, 1]
        assert others == [[3, 3, 3]] * len(others)

    def test_positional_encodings_are_cached_and_shared(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch, in_batches: None
    ) -> None:
        propagate(model)
        encodings = (model.image_encoder.neck.position_encoding, model.memory_encoder.position_encoding)
        kept = [dict(encoding.cache) for encoding in encodings]
        attention, strides = model.memory_attention.forward, []

        def seen(**kwargs):
            strides.append(kwargs["curr_pos"][0].stride(1))
            return attention(**kwargs)

        monkeypatch.setattr(model.memory_attention, "forward", seen)
        propagate(model)
        for encoding, before in zip(encodings, kept, strict=True):
            assert before
            assert all(encoding.cache[size] is before[size] for size in encoding.cache)
        assert strides == [0, 0, 0]  # one encoding, shared by all masks


def test_a_propagated_mask_below_the_minimum_area_ends(model: SAM2Base) -> None:
    clip, prompts = Clip(panning_video(4), 0, 3), Rles.from_masks(np.ones((1, *SIZE), dtype=bool))
    areas_px = propagate(model, prompts=prompts).rles.area_px()
    assert len(areas_px) == 3
    assert areas_px.min() < prompts.area_px()[0]
    for limit_px in areas_px.tolist():
        bound = Sam2Propagator(model, min_area_px=limit_px + 1).propagate(clip, prompts, Direction.FORWARD)
        assert len(bound.masks) == int(np.argmax(areas_px <= limit_px))


def run_out_of_memory(
    monkeypatch: pytest.MonkeyPatch, model: SAM2Base, name: str, *, above: int, error: RuntimeError = OUT_OF_MEMORY
) -> list[int]:
    """Make a method of `model` run out of memory with a batch larger than `above`; return the other batch sizes."""
    original, batches = getattr(model, name), []

    def limited(*args, **kwargs):
        n_masks = kwargs["current_vision_feats"][0].shape[1]
        if n_masks > above:
            raise error
        batches.append(n_masks)
        return original(*args, **kwargs)

    monkeypatch.setattr(model, name, limited)
    return batches


class TestMemory:
    @pytest.mark.parametrize(
        ("method", "error"),
        [
            ("_track_step", torch.OutOfMemoryError("CUDA out of memory")),
            ("_encode_new_memory", RuntimeError("MPS backend out of memory")),
        ],
    )
    def test_batches_shrink_and_no_mask_is_lost(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch, in_batches: None, method: str, error: RuntimeError
    ) -> None:
        prompts = discs(SIZE, *((30 + 10 * k, 45, 10 + k) for k in range(7)))
        expected = propagate(model, prompts=prompts, max_batch=2)
        batches = run_out_of_memory(monkeypatch, model, method, above=2, error=error)
        masklets = propagate(model, prompts=prompts, max_batch=8)
        assert max(batches) <= 2
        assert masklets.prompt.tolist() == expected.prompt.tolist()
        assert masklets.rles.iou(expected.rles).diagonal().min() >= TestSam2InBatches.same_iou

    def test_no_memory_for_a_single_mask_is_an_error_with_advice(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_out_of_memory(monkeypatch, model, "_track_step", above=0)
        with pytest.raises(DeviceError, match=r"memory for a single mask: .*--resize"):
            propagate(model)

    @pytest.mark.parametrize("line", ["CUDA out of memory", "MPS backend out of memory", CPU_LINE])
    @pytest.mark.parametrize(
        ("owner", "name", "what"),
        [
            (FeatureEncoder, "_encode", "to encode one frame"),
            (ImageFeatures, "to", "for the features of one frame"),
            (ObjectMemory, "append", "for the memories of all masks"),
            (ObjectMemory, "keep", "for the memories of all masks"),
            (FrameMemory, "concatenate", "for the memories of all masks"),
        ],
    )
    def test_no_memory_outside_of_batches_is_an_error_of_one_line(
        self, model: SAM2Base, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, what: str, line: str
    ) -> None:
        propagator = Sam2Propagator(model, min_area_px=1)
        clip = Clip(panning_video(3), 0, 2)
        propagator.propagate(clip, three_discs(), Direction.FORWARD)  # fills the cache for `ImageFeatures.to`
        if name == "_encode":
            clip = Clip(panning_video(3, step_px=1), 0, 2)

        def fails(*_: object) -> None:
            raise RuntimeError(line)

        monkeypatch.setattr(owner, name, fails)
        if name == "keep":
            bias = model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias
            monkeypatch.setattr(bias, "data", torch.full_like(bias, -100))
        with pytest.raises(DeviceError, match=f"not enough memory {what}: try smaller weights"):
            propagator.propagate(clip, three_discs(), Direction.FORWARD)

    def test_the_weights_in_the_advice_are_in_the_catalogue(self) -> None:
        (name,) = re.findall(r"weights \((.*?)\)", ADVICE)
        assert catalogue()[name].family == "sam2"


class TestBadInput:
    def test_masks_of_another_size_are_an_error(self, model: SAM2Base) -> None:
        with pytest.raises(InputError, match="frames' size 120x90, got 53x37"):
            propagate(model, prompts=three_discs((37, 53)))

    @pytest.mark.parametrize("max_batch", [0, -3])
    def test_a_max_batch_below_one_is_an_error(self, model: SAM2Base, max_batch: int) -> None:
        with pytest.raises(SettingsError, match=f"at least 1 mask at once as max_batch, or None, got {max_batch}"):
            Sam2Propagator(model, max_batch=max_batch)

    def test_an_unknown_dtype_is_an_error(self, model: SAM2Base) -> None:
        with pytest.raises(SettingsError, match="float32 or bfloat16 .* got 'float8'"):
            Sam2Propagator(model, dtype="float8")


@pytest.mark.parametrize("n_frames", [0, 1, 2])
def test_a_masklet_ends_as_gone_where_the_model_reports_no_object(
    model: SAM2Base, monkeypatch: pytest.MonkeyPatch, in_batches: None, n_frames: int
) -> None:
    """Of three objects, the second is gone after `n_frames` frames. The others reach the end of the clip."""
    original, n_calls = model._track_step, []

    def gone(**kwargs):
        current, (*others, presence), features, memories = original(**kwargs)
        n_calls.append(1)
        if len(n_calls) == n_frames + 2:  # the prompts' frame comes first
            presence = presence.clone()
            presence[1] = -5.0
        return current, (*others, presence), features, memories

    monkeypatch.setattr(model, "_track_step", gone)
    propagator = Sam2Propagator(model, min_area_px=1, max_batch=8)
    masklets = propagator.propagate(Clip(panning_video(4), 0, 3), three_discs(), Direction.FORWARD)
    assert masklets.masks.prompt.tolist() == [0] * 3 + [1] * n_frames + [2] * 3
    assert masklets.end.tolist() == [End.CLIP, End.GONE, End.CLIP]


def test_a_masklet_ends_as_small_one_pixel_below_the_minimum_area(
    model: SAM2Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the second frame after the prompt's, the mask is a small square in a corner."""
    square = torch.full((1, 1, IMAGE_SIZE // 4, IMAGE_SIZE // 4), -5.0)
    square[..., :4, :4] = 5.0
    area_px = int(rles_at_size(square, SIZE).area_px()[0])
    original, n_calls = model._track_step, []

    def shrunk(**kwargs):
        current, (*others, logits, fine, pointer, presence), features, memories = original(**kwargs)
        n_calls.append(1)
        logits = square if len(n_calls) == 3 else logits  # after the prompt's frame and the next one
        return current, (*others, logits, fine, pointer, presence), features, memories

    monkeypatch.setattr(model, "_track_step", shrunk)
    clip, ends = Clip(panning_video(4), 0, 3), []
    for min_area_px in (area_px, area_px + 1):
        n_calls.clear()
        propagator = Sam2Propagator(model, min_area_px=min_area_px)
        masklets = propagator.propagate(clip, three_discs().take([0]), Direction.FORWARD)
        ends.append((len(masklets.masks), masklets.end.tolist()))
    assert ends == [(3, [End.CLIP]), (1, [End.SMALL])]
