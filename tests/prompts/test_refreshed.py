"""Masks that are propagated a few frames and then seen anew follow an object that alone they would drift off."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from propagate.propagator_suite import SIZE, discs, panning_video

from overseg.data.frame import Frame
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.errors import InputError
from overseg.prompts.refreshed import RefreshedFollow
from overseg.propagate.flow import FlowPropagator
from overseg.propagate.follow_masks import MaskFollower
from overseg.stages import PromptedPropagator, PromptMasks

VIDEO = panning_video(12, step_px=3)


def disc_on(frame: int, radius: int = 16) -> Rles:
    """A disc that is fixed to the picture, as the camera sees it on a frame."""
    return discs(SIZE, (70 - 3 * frame, 45, radius))


@dataclass(frozen=True)
class SeesTheDisc:
    """Knows where the disc is on each frame; for box and point it sees it there."""

    refreshed_on: list[int] = field(default_factory=list)

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        objects = prompts.object
        rles = Rles.concatenate(SIZE, [disc_on(frame.index) for _ in range(len(objects))])
        return ObjectMasks(rles, objects, prompts.frame, np.ones(len(objects), np.float32))

    def refreshed(self, frame: Frame, propagated: ObjectMasks) -> ObjectMasks:
        self.refreshed_on.append(frame.index)
        return replace(propagated, rles=Rles.concatenate(SIZE, [disc_on(frame.index) for _ in range(len(propagated))]))


def box_on(frame: int, object: int = 7) -> Prompts:
    return Prompts.of_boxes(SIZE, object=[object], frame=frame, boxes_xyxy=[(10, 10, 50, 50)])


def test_the_stand_in_is_one():
    assert isinstance(SeesTheDisc(), PromptMasks)
    assert isinstance(RefreshedFollow(FlowPropagator(), SeesTheDisc()), PromptedPropagator)


def test_from_the_prompt_to_both_ends_and_seen_anew_on_the_way():
    seen = SeesTheDisc()
    follow = RefreshedFollow(FlowPropagator(min_area_px=20), seen, step=3)
    found = list(follow.follow(VIDEO, box_on(4), Shot(1, 10)))
    assert [masks.frame.tolist() for masks in found] == [[frame] for frame in (4, 5, 6, 7, 8, 9, 10, 3, 2, 1)]
    assert seen.refreshed_on == [7, 10, 1]
    for masks in found:
        assert masks.object.tolist() == [7]
        assert masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9
    assert found[3].rles == disc_on(7)


def test_with_step_0_nothing_is_seen_anew_and_flow_alone_propagates():
    seen = SeesTheDisc()
    found = list(RefreshedFollow(FlowPropagator(min_area_px=20), seen, step=0).follow(VIDEO, box_on(0), Shot(0, 11)))
    assert seen.refreshed_on == []
    alone = MaskFollower(FlowPropagator(min_area_px=20)).follow(
        VIDEO, Prompts.of_masks(disc_on(0), object=[7], frame=0), Shot(0, 11)
    )
    assert [masks.rles for masks in found] == [masks.rles for masks in alone]


def test_no_more_frames_are_propagated_at_once_than_memory_has_room_for(monkeypatch):
    monkeypatch.setattr("overseg.prompts.refreshed._MOST_AT_ONCE", 4)
    lengths = []

    class Watched(FlowPropagator):
        def propagate(self, clip, prompts, direction):
            lengths.append(len(clip) - 1)
            return super().propagate(clip, prompts, direction)

    for step, expected, seen_on in ((0, [4, 4, 3], []), (7, [4, 3, 4], [7, 11]), (3, [3, 3, 3, 2], [3, 6, 9, 11])):
        seen = SeesTheDisc()
        lengths.clear()
        found = list(RefreshedFollow(Watched(min_area_px=20), seen, step=step).follow(VIDEO, box_on(0), Shot(0, 11)))
        assert (lengths, seen.refreshed_on) == (expected, seen_on)
        assert [masks.frame.tolist() for masks in found] == [[frame] for frame in range(12)]
        for masks in found:
            assert masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9


def test_an_object_that_is_prompted_later_is_propagated_back_and_a_second_prompt_takes_over():
    prompts = Prompts.concatenate([box_on(2, 1), box_on(6, 2), box_on(7, 1)])
    seen = SeesTheDisc()
    follow = RefreshedFollow(FlowPropagator(min_area_px=20), seen, step=4)
    found = list(follow.follow(VIDEO, prompts, Shot(0, 11)))
    assert [int(masks.frame[0]) for masks in found] == [*range(2, 12), 1, 0]
    for masks in found:
        assert masks.object.tolist() == [1, 2]
        assert masks.rles.iou(disc_on(int(masks.frame[0]))).min() > 0.9
    assert seen.refreshed_on == [2, 6, 7, 11, 0]  # one back from its prompt; both, at prompts and after four frames


def test_what_is_lost_stays_lost():
    tiny = FlowPropagator(min_area_px=10_000)  # everything is too small
    found = list(RefreshedFollow(tiny, SeesTheDisc(), step=2).follow(VIDEO, box_on(0), Shot(0, 5)))
    assert [int(masks.rles.area_px()[0]) > 0 for masks in found] == [True, *[False] * 5]
    assert [masks.score.tolist() for masks in found] == [[1.0], *[[0.0]] * 5]


def test_no_prompts_and_a_shot_of_one_frame():
    follow = RefreshedFollow(FlowPropagator(), SeesTheDisc())
    nothing = Prompts.of_boxes(SIZE, object=[], frame=0, boxes_xyxy=[])
    assert list(follow.follow(VIDEO, nothing, Shot(0, 5))) == []
    assert len(list(follow.follow(VIDEO, box_on(3), Shot(3, 3)))) == 1


def test_a_prompt_outside_of_the_shot_is_refused_before_any_frame_comes():
    with pytest.raises(InputError, match="expected a frame from 0 to 3"):
        RefreshedFollow(FlowPropagator(), SeesTheDisc()).follow(VIDEO, box_on(5), Shot(0, 3))
