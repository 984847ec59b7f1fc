"""Objects followed by two witnesses: propagated between keyframes, located on them, and filled in from both ends."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from propagate.propagator_suite import SIZE, ArrayVideo, discs, panning_video

from overseg.data.frame import Frame
from overseg.data.located import Located
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.errors import InputError
from overseg.propagate.flow import FlowPropagator
from overseg.propagate.follow_masks import MaskFollower
from overseg.propagate.two_witnesses import TwoWitnessFollower
from overseg.stages import PromptedPropagator, PromptMasks

VIDEO = panning_video(12, step_px=3)


def disc_on(frame: int, radius: int = 16) -> Rles:
    """A disc that is fixed to the picture, as the camera sees it on a frame."""
    return discs(SIZE, (70 - 3 * frame, 45, radius))


NOTHING = Rles.from_masks(np.zeros((1, *SIZE), bool))


@dataclass(frozen=True)
class SeesTheDisc:
    """Locates the disc on each frame except the blind ones, and gives it for boxes and points.

    Attributes:
        blind: frames on which it finds nothing.
        located_on: the frames on which it located, in order.
        memories: the frames remembered of each mask, call by call.
        propagated: the areas in pixels of the propagated masks, call by call.
        locate_work: as in MaskLocator.
    """

    blind: frozenset[int] = frozenset()
    located_on: list[int] = field(default_factory=list)
    memories: list[list[list[int]]] = field(default_factory=list)
    propagated: list[list[int]] = field(default_factory=list)
    locate_work: float = 1.0

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        objects = prompts.object
        rles = Rles.concatenate(SIZE, [disc_on(frame.index) for _ in range(len(objects))])
        return ObjectMasks(rles, objects, prompts.frame, np.ones(len(objects), np.float32))

    def least_area_px(self, size: tuple[int, int]) -> float:
        return 0.0

    def similarities(self, frame: Frame, memories, masks: Rles) -> np.ndarray:
        return np.zeros((len(memories), len(masks)), np.float32)

    def sightings(self, frame: Frame, masks: Rles) -> list["Seen"]:
        return [Seen(frame.index) for _ in range(len(masks))]

    def locate(self, frame: Frame, memories, propagated: Rles, support: np.ndarray) -> Located:
        self.located_on.append(frame.index)
        self.memories.append([[seen.frame for seen in memory] for memory in memories])
        self.propagated.append(propagated.area_px().tolist())
        here = NOTHING if frame.index in self.blind else disc_on(frame.index)
        rles = Rles.concatenate(SIZE, [here for _ in memories])
        score = np.full(len(rles), 0.0 if frame.index in self.blind else 0.9, np.float32)
        return Located(rles, score, score)


@dataclass(frozen=True)
class Seen:
    frame: int


def follower(seen: SeesTheDisc, *, step: int, propagator=None) -> TwoWitnessFollower:
    return TwoWitnessFollower(propagator or FlowPropagator(min_area_px=20), seen, seen, step=step)


def box_on(frame: int, object: int = 7) -> Prompts:
    return Prompts.of_boxes(SIZE, object=[object], frame=frame, boxes_xyxy=[(10, 10, 50, 50)])


def test_the_stand_in_is_one():
    assert isinstance(SeesTheDisc(), PromptMasks)
    assert isinstance(follower(SeesTheDisc(), step=5), PromptedPropagator)


def test_from_the_prompt_to_both_ends_and_located_on_the_way():
    seen = SeesTheDisc()
    found = list(follower(seen, step=3).follow(VIDEO, box_on(4), Shot(1, 10)))
    assert [masks.frame.tolist() for masks in found] == [[frame] for frame in (4, 5, 6, 7, 8, 9, 10, 3, 2, 1)]
    assert seen.located_on == [7, 10, 1]
    assert seen.memories == [[[4]], [[4, 7]], [[4]]]  # the first picture and the latest
    for masks in found:
        assert masks.object.tolist() == [7]
        assert masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9
    assert found[3].rles == disc_on(7)


def test_with_step_0_nothing_is_located_and_flow_alone_propagates():
    seen = SeesTheDisc()
    found = list(follower(seen, step=0).follow(VIDEO, box_on(0), Shot(0, 11)))
    assert seen.located_on == []
    prompts = Prompts.of_masks(disc_on(0), object=[7], frame=0)
    alone = MaskFollower(FlowPropagator(min_area_px=20)).follow(VIDEO, prompts, Shot(0, 11))
    assert [masks.rles for masks in found] == [masks.rles for masks in alone]


def test_long_steps_are_propagated_in_clips_of_bounded_length(monkeypatch):
    monkeypatch.setattr("overseg.propagate.two_witnesses._MAX_CLIP_FRAMES", 4)
    lengths = []

    class Watched(FlowPropagator):
        def propagate(self, clip, prompts, direction):
            lengths.append(len(clip) - 1)
            return super().propagate(clip, prompts, direction)

    for step, seen_on in ((0, []), (7, [4, 8, 11]), (3, [3, 6, 9, 11])):
        seen = SeesTheDisc()
        lengths.clear()
        found = list(
            follower(seen, step=step, propagator=Watched(min_area_px=20)).follow(VIDEO, box_on(0), Shot(0, 11))
        )
        assert max(lengths) <= 4 and seen.located_on == seen_on
        assert [masks.frame.tolist() for masks in found] == [[frame] for frame in range(12)]
        for masks in found:
            assert masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9


def test_an_object_that_is_prompted_later_is_followed_back_and_a_second_prompt_takes_over():
    prompts = Prompts.concatenate([box_on(2, 1), box_on(6, 2), box_on(7, 1)])
    seen = SeesTheDisc()
    found = list(follower(seen, step=4).follow(VIDEO, prompts, Shot(0, 11)))
    assert [int(masks.frame[0]) for masks in found] == [*range(2, 12), 1, 0]
    for masks in found:
        assert masks.object.tolist() == [1, 2]
        assert masks.rles.iou(disc_on(int(masks.frame[0]))).min() > 0.9
    # Object 2 back from its prompt; 1 at the prompt of 2; 2 at the second prompt of 1; both from there on, and back.
    assert list(zip(seen.located_on, map(len, seen.memories), strict=True)) == [(2, 1), (6, 1), (7, 1), (11, 2), (0, 2)]
    assert seen.memories[3] == [[7], [6, 7]]  # a prompt is a first picture


class Forgets(FlowPropagator):
    """Loses everything after this many frames."""

    def __init__(self, n_frames: int) -> None:
        super().__init__(min_area_px=20)
        self._n_frames = n_frames

    def propagate(self, clip, prompts, direction):
        masklets = super().propagate(clip, prompts, direction)
        start = clip.start if direction.name == "FORWARD" else clip.stop
        kept = np.abs(masklets.masks.frame - start) <= self._n_frames
        return type(masklets)(masklets.masks.take(np.flatnonzero(kept)), masklets.end)


def test_an_object_that_flow_loses_is_located_again_and_propagated_back_to_where_it_was_lost():
    seen = SeesTheDisc()
    found = list(follower(seen, step=5, propagator=Forgets(2)).follow(VIDEO, box_on(0), Shot(0, 10)))
    assert seen.located_on == [5, 10]
    assert seen.propagated == [[0], [0]]  # flow brought nothing to the keyframes
    assert [masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9 for masks in found] == [True] * 11


def test_where_flow_fails_from_both_ends_the_object_is_located_in_the_middle():
    seen = SeesTheDisc()
    found = list(follower(seen, step=10, propagator=Forgets(2)).follow(VIDEO, box_on(0), Shot(0, 10)))
    assert seen.located_on == [10, 5]
    assert seen.memories[1] == [[0, 10]]
    assert all(masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9 for masks in found)


def test_an_object_that_is_not_found_is_located_on_the_next_keyframes():
    seen = SeesTheDisc(blind=frozenset({3, 6}))
    found = list(follower(seen, step=3, propagator=Forgets(1)).follow(VIDEO, box_on(0), Shot(0, 9)))
    assert [frame for frame in seen.located_on if frame % 3 == 0] == [3, 6, 9]
    there = {int(masks.frame[0]): bool(masks.rles.area_px()[0]) for masks in found}
    assert there[1] and there[8] and there[9]
    assert not there[3] and not there[6]
    assert found[6].score.tolist() == [0.0]


def test_a_well_supported_mask_is_not_propagated_back():
    ways = []

    class Watched(FlowPropagator):
        def propagate(self, clip, prompts, direction):
            ways.append((direction.name, len(prompts)))
            return super().propagate(clip, prompts, direction)

    still = ArrayVideo(np.repeat(VIDEO.frames[:1], 6, axis=0))
    stays = SeesTheDisc()
    object.__setattr__(
        stays, "locate", lambda frame, memories, propagated, support: Located(propagated, support, support)
    )
    found = list(follower(stays, step=5, propagator=Watched(min_area_px=20)).follow(still, box_on(0), Shot(0, 5)))
    assert ways == [("FORWARD", 1)]
    assert all(masks.rles.iou(disc_on(0))[0, 0] > 0.95 for masks in found)


def test_no_prompts_and_a_shot_of_one_frame():
    nothing = Prompts.of_boxes(SIZE, object=[], frame=0, boxes_xyxy=[])
    assert list(follower(SeesTheDisc(), step=5).follow(VIDEO, nothing, Shot(0, 5))) == []
    assert len(list(follower(SeesTheDisc(), step=5).follow(VIDEO, box_on(3), Shot(3, 3)))) == 1


def test_a_prompt_outside_of_the_shot_is_refused_before_any_frame_comes():
    with pytest.raises(InputError, match="expected a frame from 0 to 3"):
        follower(SeesTheDisc(), step=5).follow(VIDEO, box_on(5), Shot(0, 3))
