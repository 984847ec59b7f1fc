"""Propagating masks by optical flow."""

import cv2
import numpy as np
import pytest
from propagate.propagator_suite import SIZE, ArrayVideo, MakePropagator, PropagatorSuite, discs, panning_video, rows_of

from overseg.data.masklets import End
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Clip

FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD


class TestFlow(PropagatorSuite):
    holds_still = True

    @pytest.fixture
    def make(self) -> MakePropagator:
        return FlowPropagator


@pytest.mark.parametrize("direction", list(Direction))
def test_masks_move_with_the_picture(direction):
    video = panning_video(6, step_px=3)
    mask = discs(SIZE, (SIZE[0] // 2, SIZE[1] // 2, 16))
    masklet = FlowPropagator(min_area_px=20).propagate(Clip(video, 0, 5), mask, direction).masks
    sign = 1 if direction is FORWARD else -1
    for distance, propagated in enumerate(masklet.rles.to_masks(), start=1):
        expected = np.roll(mask.to_masks()[0], -3 * sign * distance, axis=1)
        assert (propagated & expected).sum() / (propagated | expected).sum() > 0.93
    assert len(masklet) == 5
    assert masklet.score.min() > 0.8


def test_a_mask_that_leaves_the_picture_ends():
    video = panning_video(12, step_px=8)
    masklet = FlowPropagator(min_area_px=20).propagate(Clip(video, 0, 11), discs(SIZE, (30, 14, 10)), FORWARD)
    assert 0 < len(masklet.masks) < 6
    assert masklet.end.tolist() in ([End.SMALL], [End.LOST])


def test_a_mask_that_gets_smaller_than_the_minimum_area_ends_as_small():
    clip, mask = Clip(panning_video(6, step_px=6), 0, 5), discs(SIZE, (16, 45, 10))
    areas_px = FlowPropagator(min_area_px=1, min_support=0).propagate(clip, mask, FORWARD).masks.rles.area_px().tolist()
    assert areas_px == sorted(areas_px, reverse=True)
    assert areas_px[0] > areas_px[1] > areas_px[2]
    bound = FlowPropagator(min_area_px=areas_px[1], min_support=0).propagate(clip, mask, FORWARD)
    assert bound.masks.rles.area_px().tolist() == areas_px[:2]
    assert bound.end.tolist() == [End.SMALL]


def test_a_mask_that_is_occluded_loses_its_support_and_ends():
    frames = np.repeat(panning_video(1).frames, 3, axis=0)
    frames[2, 10:50, 10:50] = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    video = ArrayVideo(frames)
    prompts = discs(SIZE, (30, 30, 14), (30, 70, 8))
    for start, frames in ((0, [1]), (1, [])):  # on the second frame after the prompt's, and on the first
        masklets = FlowPropagator(min_area_px=20).propagate(Clip(video, start, 2), prompts, FORWARD)
        assert rows_of(masklets, 0).frame.tolist() == frames
        assert rows_of(masklets, 1).frame.tolist() == [*frames, 2]
        assert masklets.end.tolist() == [End.LOST, End.CLIP]


def test_flow_of_large_frames_is_computed_on_smaller_ones():
    video = panning_video(4, size=(96, 128), step_px=4)
    mask = discs((96, 128), (48, 64, 20))
    small = FlowPropagator(min_area_px=20, flow_size_px=64).propagate(Clip(video, 0, 3), mask, FORWARD).masks
    expected = np.roll(mask.to_masks()[0], -12, axis=1)
    assert small.rles.take([2]).iou(Rles.from_masks(expected[None]))[0, 0] > 0.85


class TearingFlow:
    """Moves the rows of a strip by 20 pixels, and leaves everything else."""

    def __init__(self, rows: slice) -> None:
        self.rows = rows

    def between(self, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        there = np.zeros((*one.shape, 2), np.float32)
        there[self.rows, :, 0] = 20
        return there, -there


@pytest.mark.parametrize(("rows", "n_pieces"), [(slice(20, 22), 1), (slice(20, 34), 2)])
def test_small_pieces_that_flow_tears_off_are_dropped(rows, n_pieces):
    video, mask = panning_video(2), np.zeros((1, *SIZE), bool)
    mask[0, 20:50, 20:36] = True
    propagator = FlowPropagator(min_area_px=20, min_support=0)
    propagator._pairs = TearingFlow(rows)
    found = propagator.propagate(Clip(video, 0, 1), Rles.from_masks(mask), FORWARD).masks.rles.to_masks()[0]
    assert cv2.connectedComponents(found.view(np.uint8))[0] - 1 == n_pieces
    assert not found[rows, 20:36].any() or n_pieces == 2


def test_a_small_piece_of_the_prompt_is_kept():
    video, mask = panning_video(2, step_px=2), discs(SIZE, (30, 30, 16)).to_masks()
    mask[0, 26:32, 70:76] = True
    found = FlowPropagator(min_area_px=20).propagate(Clip(video, 0, 1), Rles.from_masks(mask), FORWARD)
    assert cv2.connectedComponents(found.masks.rles.to_masks()[0].view(np.uint8))[0] - 1 == 2
