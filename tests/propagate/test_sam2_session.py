"""Points, boxes and masks on any frame give upstream's masks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from propagate.propagator_suite import discs, panning_video
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_video_predictor import SAM2VideoPredictor

from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.errors import DeviceError, InputError
from overseg.propagate.sam2.model import Sam2Variant, load_sam2
from overseg.propagate.sam2.parity import UpstreamSession, upstream_predictor
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.propagate.sam2.random import save_random_sam2
from overseg.propagate.sam2.session import Sam2Session
from overseg.stages import PromptedPropagator

SIZE = (180, 260)
N_FRAMES = 6


def click(object: int, frame: int, *xy: tuple[float, float], labels: tuple[int, ...], **more) -> Prompts:
    return Prompts.of_points(SIZE, object=object, frame=frame, xy=xy, labels=labels, **more)


@pytest.fixture(scope="module")
def weights(small_sam2: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")


@pytest.fixture(scope="module")
def model(weights: Path) -> SAM2Base:
    return load_sam2(weights, image_size=128)


@pytest.fixture(scope="module")
def predictor(weights: Path) -> SAM2VideoPredictor:
    return upstream_predictor(weights, Sam2Variant("2.1", "t"), device="cpu", image_size=128)


@pytest.fixture(scope="module")
def small(weights: Path) -> Sam2Propagator:
    return Sam2Propagator(load_sam2(weights, image_size=64), feature_cache_bytes=0)


@pytest.fixture
def both(
    model: SAM2Base, predictor: SAM2VideoPredictor, both_ways: Callable
) -> tuple[list[Sam2Session], UpstreamSession]:
    video = panning_video(N_FRAMES, SIZE, step_px=6)
    ours = both_ways(model, max_batch=2, max_hole_area_px=0)
    return [propagator.session(video) for propagator in ours], UpstreamSession(predictor, video)


def assert_same(ours: Rles, theirs: Rles) -> None:
    assert len(ours) == len(theirs)
    areas = theirs.area_px() / (SIZE[0] * SIZE[1])
    assert ((areas > 0.02) & (areas < 0.98)).all(), areas  # an empty or a full mask could hide an error
    assert ours.iou(theirs).diagonal().min() >= 0.999


def prompt_both(both: tuple[list[Sam2Session], UpstreamSession], prompts: Prompts) -> None:
    expected = both[1].prompt(prompts)
    for session in both[0]:
        assert_same(session.prompt(prompts).rles, expected)


def propagate_both(both: tuple[list[Sam2Session], UpstreamSession], first: int, last: int) -> None:
    theirs = dict(both[1].propagate(first, last))
    step = -1 if last < first else 1
    for session in both[0]:
        ours = list(session.propagate(first, last))
        assert [masks.frame[0] for masks in ours] == list(range(first, last + step, step))
        for mine in ours:
            assert_same(mine.rles, theirs[int(mine.frame[0])])


def test_points_boxes_and_masks_on_several_frames_in_both_directions(both) -> None:
    given = [
        click(7, 2, (130, 90), labels=(1,)),
        click(7, 2, (60, 40), (200, 150), labels=(0, 1), adds=True),
        click(3, 2, (100, 80), labels=(1,), box_xyxy=(40, 30, 180, 150)),
        Prompts.of_boxes(SIZE, object=[5, 6], frame=2, boxes_xyxy=[(20, 20, 120, 120), (90, 60, 240, 170)]),
        Prompts.of_masks(discs(SIZE, (130, 90, 60), (190, 110, 40)), object=[1, 2], frame=2),
        Prompts.of_masks(discs(SIZE, (118, 90, 60)), object=[1], frame=5),
        click(5, 4, (70, 60), labels=(1,)),
    ]
    prompt_both(both, Prompts.concatenate(given))
    propagate_both(both, 2, 5)
    propagate_both(both, 2, 0)


def test_points_that_replace_points_and_masks_that_replace_points(both) -> None:
    given = [
        click(1, 1, (130, 90), labels=(1,)),
        click(1, 1, (60, 140), labels=(1,)),
        click(2, 1, (130, 90), labels=(1,)),
        Prompts.of_masks(discs(SIZE, (130, 90, 60)), object=[2], frame=1),
        Prompts.of_masks(discs(SIZE, (130, 90, 30)), object=[3], frame=1),
        click(3, 1, (60, 140), (90, 60), labels=(1, 0), adds=True),
    ]
    prompt_both(both, Prompts.concatenate(given))
    propagate_both(both, 1, 3)


def test_corrections_of_propagated_frames(both) -> None:
    first = [click(1, 0, (130, 90), labels=(1,)), Prompts.of_masks(discs(SIZE, (130, 90, 60)), object=[2], frame=0)]
    prompt_both(both, Prompts.concatenate(first))
    propagate_both(both, 0, 5)
    corrections = [
        click(1, 3, (60, 40), labels=(0,)),
        click(1, 3, (190, 120), labels=(1,), adds=True),
        click(2, 3, (60, 40), labels=(0,)),
        click(3, 3, (60, 40), labels=(1,)),  # a new object
    ]
    prompt_both(both, Prompts.concatenate(corrections))
    propagate_both(both, 4, 5)
    propagate_both(both, 3, 1)
    prompt_both(both, click(2, 2, (150, 100), labels=(1,)))  # on a frame that was visited in reverse
    propagate_both(both, 1, 0)


def test_a_correction_of_the_first_prompt_is_dropped_when_objects_are_propagated_again(both) -> None:
    first = click(1, 0, (130, 90), labels=(1,))
    prompt_both(both, first)
    propagate_both(both, 0, 2)
    before = [[masks.rles for masks in session.propagate(0, 2)] for session in both[0]]
    prompt_both(both, click(1, 0, (60, 40), labels=(0,)))
    propagate_both(both, 0, 2)
    assert [[masks.rles for masks in session.propagate(0, 2)] for session in both[0]] == before


@pytest.mark.parametrize(("first", "last", "at_fault"), [(0, 6, 6), (-1, 3, -1), (6, 0, 6), (3, -1, -1)])
def test_frames_outside_of_the_video_are_errors(small: Sam2Propagator, first: int, last: int, at_fault: int) -> None:
    session = small.session(panning_video(N_FRAMES, SIZE))
    with pytest.raises(InputError, match=f"frames from 0 to 5, got {at_fault}"):
        session.propagate(first, last)


def test_prompts_that_failed_are_not_added(small: Sam2Propagator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new object and more points for a known one, on a device that runs out of memory in the second round."""
    session, other = (small.session(panning_video(3, SIZE)) for _ in range(2))
    first, more = click(1, 0, (130, 90), labels=(1,)), click(1, 0, (60, 140), labels=(0,), adds=True)
    for one in (session, other):
        one.prompt(first)
    model, n_calls = session._runtime.model, []
    original = model._track_step

    def failing(**kwargs: Any) -> Any:
        n_calls.append(1)
        if len(n_calls) > 2:
            raise RuntimeError("CUDA out of memory")
        return original(**kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(model, "_track_step", failing)
        with pytest.raises(DeviceError, match="single mask"):
            session.prompt(Prompts.concatenate([more, click(2, 0, (9, 9), labels=(1,)), more]))
    assert session.prompt(more).rles == other.prompt(more).rles
    for mine, expected in zip(session.propagate(0, 2), other.propagate(0, 2), strict=True):
        assert mine.object.tolist() == [1]
        assert mine.rles == expected.rles


class TestFollow:
    def test_every_frame_of_the_shot_once_with_a_row_for_every_object(self, small: Sam2Propagator) -> None:
        video = panning_video(8, SIZE)
        prompts = Prompts.concatenate(
            [
                Prompts.of_masks(discs(SIZE, (130, 90, 60), (190, 110, 40)), object=[4, 2], frame=3),
                click(9, 5, (60, 40), labels=(1,)),
            ]
        )
        found = list(small.follow(video, prompts, Shot(1, 6)))
        assert isinstance(small, PromptedPropagator)
        assert [masks.frame.tolist() for masks in found] == [[index] * 3 for index in (3, 4, 5, 6, 2, 1)]
        assert all(masks.object.tolist() == [4, 2, 9] for masks in found)
        for masks in found:
            assert masks.rles.size == SIZE
            assert ((masks.score >= 0) & (masks.score <= 1)).all()

    def test_no_prompts_give_no_frames(self, small: Sam2Propagator) -> None:
        nothing = Prompts.of_masks(Rles.empty(SIZE), object=[], frame=0)
        assert list(small.follow(panning_video(3, SIZE), nothing, Shot(0, 2))) == []

    def test_a_shot_of_one_frame_has_the_masks_of_its_prompts(self, small: Sam2Propagator) -> None:
        prompts = Prompts.of_masks(discs(SIZE, (130, 90, 60)), object=[0], frame=0)
        (masks,) = small.follow(panning_video(1, SIZE), prompts, Shot(0, 0))
        assert masks.rles.iou(prompts.rles).min() > 0.8  # it is encoded in the model's 16 x 16 logits

    def test_memory_does_not_grow_with_the_video(self, small: Sam2Propagator) -> None:
        session = small.session(panning_video(40, (60, 64)), correctable=False)
        session.prompt(Prompts.of_masks(discs((60, 64), (30, 30, 15)), object=[0], frame=0))
        n_kept = [len(session._objects[0].memory.recent) for _ in session.propagate(0, 39)]
        reach = 15  # frames whose pointers are used; objects may be propagated further from both ends
        assert sorted(session._objects[0].memory.recent) == [*range(1, reach + 1), *range(39 - reach, 40)]
        assert max(n_kept) == 2 * reach + 1
        assert not session._objects[0].visited

    def test_prompts_outside_of_the_shot_are_errors_before_the_first_mask(self, small: Sam2Propagator) -> None:
        with pytest.raises(InputError, match="expected a frame from 1 to 2"):
            small.follow(panning_video(3, SIZE), click(1, 0, (130, 90), labels=(1,)), Shot(1, 2))

    def test_forgetting_memories_out_of_reach_changes_no_mask(self, small: Sam2Propagator) -> None:
        prompts = Prompts.of_masks(discs((60, 64), (30, 30, 15)), object=[0], frame=18)
        found = []
        for correctable in (True, False):
            session = small.session(panning_video(40, (60, 64)), correctable=correctable)
            session.prompt(prompts)
            found.append([masks.rles for span in ((18, 39), (18, 0)) for masks in session.propagate(*span)])
        assert found[0] == found[1]


def test_a_batch_that_does_not_fit_is_halved(
    model: SAM2Base, in_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Sam2Propagator(model, max_batch=2).session(panning_video(2, SIZE))
    original, sizes = model._track_step, []

    def limited(**kwargs: Any) -> Any:
        sizes.append(kwargs["current_vision_feats"][0].shape[1])
        if sizes[-1] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(**kwargs)

    monkeypatch.setattr(model, "_track_step", limited)
    masks = session.prompt(Prompts.of_masks(discs(SIZE, (130, 90, 60), (60, 60, 30)), object=[1, 2], frame=0))
    assert len(masks) == 2
    assert sizes == [2, 1, 1]
