"""Optical flow propagates prompted objects from masks."""

import numpy as np
import pytest
from propagate.propagator_suite import SIZE, discs, panning_video

from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.errors import InputError
from overseg.propagate.flow import FlowPropagator
from overseg.propagate.follow_masks import MaskFollower
from overseg.stages import PromptedPropagator

VIDEO = panning_video(8, step_px=3)


def disc_on(frame: int, radius: int = 16) -> Rles:
    """A disc at a fixed place of the photograph, on a frame of the video."""
    return discs(SIZE, (70 - 3 * frame, 45, radius))


def masks_on(object: int, *frames: int, radius: int = 16) -> list[Prompts]:
    return [Prompts.of_masks(disc_on(frame, radius), object=[object], frame=frame) for frame in frames]


def test_from_the_prompt_to_both_ends_of_the_shot():
    propagator = MaskFollower(FlowPropagator(min_area_px=20))
    assert isinstance(propagator, PromptedPropagator)
    found = list(propagator.follow(VIDEO, Prompts.concatenate(masks_on(7, 3)), Shot(1, 6)))
    assert [masks.frame.tolist() for masks in found] == [[frame] for frame in (3, 4, 5, 6, 2, 1)]
    for masks in found:
        assert masks.object.tolist() == [7]
        assert masks.rles.iou(disc_on(int(masks.frame[0])))[0, 0] > 0.9
        assert 0.8 < masks.score[0] <= 1


def test_several_objects_and_a_later_mask_that_replaces_the_propagated_one():
    given = Prompts.concatenate([*masks_on(5, 2), *masks_on(2, 4, radius=10), *masks_on(5, 4, radius=20)])
    found = {
        int(masks.frame[0]): masks
        for masks in MaskFollower(FlowPropagator(min_area_px=20)).follow(VIDEO, given, Shot(0, 7))
    }
    assert sorted(found) == list(range(8))
    for frame, masks in found.items():
        assert masks.object.tolist() == [5, 2]
        expected = Rles.concatenate(SIZE, [disc_on(frame, 16 if frame < 4 else 20), disc_on(frame, 10)])
        assert masks.rles.iou(expected).diagonal().min() > 0.9


def test_a_lost_object_has_an_empty_mask():
    given = Prompts.of_masks(discs(SIZE, (8, 45, 6)), object=[0], frame=0)
    last = list(MaskFollower(FlowPropagator(min_area_px=20)).follow(VIDEO, given, Shot(0, 7)))[-1]
    assert last.rles.area_px().tolist() == [0]
    assert last.score.tolist() == [0]


def test_no_prompts_give_no_frames():
    nothing = Prompts.of_masks(Rles.empty(SIZE), object=[], frame=0)
    assert list(MaskFollower(FlowPropagator()).follow(VIDEO, nothing, Shot(0, 7))) == []


@pytest.mark.parametrize(
    ("prompts", "line"),
    [
        (
            Prompts.of_boxes(SIZE, object=[3], frame=2, boxes_xyxy=[(1, 1, 9, 9)]),
            r"prompt 0 \(object 3, frame 2\): expected a mask, .* --propagator sam2",
        ),
        (Prompts.of_masks(disc_on(7), object=[3], frame=7), "expected a frame from 0 to 5"),
        (Prompts.of_masks(disc_on(0), object=[3], frame=9), "expected a frame from 0 to 5"),
        (Prompts.of_masks(Rles.from_masks(np.ones((1, 2, 2), bool)), object=[3], frame=0), "frames' size 120x90"),
    ],
)
def test_prompts_of_other_kinds_are_errors(prompts, line):
    with pytest.raises(InputError, match=line):
        MaskFollower(FlowPropagator()).follow(VIDEO, prompts, Shot(0, 5))  # at once, before any mask is asked for
