"""Flow between neighbouring frames, computed once for both passes."""

import cv2
import numpy as np
import pytest
from propagate.propagator_suite import SIZE, discs, panning_video

from overseg.data.visit import Direction
from overseg.propagate.flow import FlowPropagator
from overseg.propagate.pair_flow import PairFlow
from overseg.stages import Clip


class CountedDis:
    """DIS that counts its calls."""

    def __init__(self) -> None:
        self._dis, self.n_calls = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST), 0

    def calc(self, *given):
        self.n_calls += 1
        return self._dis.calc(*given)


def greys(n: int) -> list[np.ndarray]:
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in panning_video(n).frames]


def test_the_pass_back_computes_nothing_and_gets_the_same_flow():
    one, other = greys(2)
    dis = CountedDis()
    pairs = PairFlow(dis)
    there, back = pairs.between(one, other)
    assert dis.n_calls == 2 and not np.array_equal(there, back)
    again_back, again_there = pairs.between(other, one)
    assert dis.n_calls == 2
    assert np.array_equal(there, again_there) and np.array_equal(back, again_back)
    assert np.abs(there - dis.calc(one, other, None)).max() < 0.01


def test_a_flow_that_was_dropped_is_computed_again_and_is_the_same():
    pictures = greys(3)
    dis = CountedDis()
    pairs = PairFlow(dis, kept_bytes=2 * SIZE[0] * SIZE[1] * 2 * 2)  # one pair in float16
    first = pairs.between(*pictures[:2])
    pairs.between(*pictures[1:])
    again = pairs.between(*pictures[:2])
    assert dis.n_calls == 6
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_pictures_of_the_same_bytes_and_another_width_are_others():
    blank = np.zeros((32, 48), np.uint8)
    pairs = PairFlow(CountedDis())
    assert pairs.between(blank, blank)[0].shape == (32, 48, 2)
    assert pairs.between(blank.reshape(48, 32), blank.reshape(48, 32))[0].shape == (48, 32, 2)


def test_a_pass_gives_the_same_masks_whether_flows_were_kept_or_not():
    clip, prompts = Clip(panning_video(4), 0, 3), discs(SIZE, (32, 45, 12))
    used, fresh = FlowPropagator(min_area_px=20), FlowPropagator(min_area_px=20)
    used.propagate(clip, prompts, Direction.FORWARD)
    masks = [one.propagate(clip, prompts, Direction.BACKWARD).masks for one in (used, fresh)]
    assert masks[0].rles.counts == masks[1].rles.counts


class GivenFlow:
    """Returns one flow, whatever the pictures are."""

    def __init__(self, flow: np.ndarray) -> None:
        self._flow = flow

    def calc(self, *given):
        return self._flow


FINITE = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
"""The numbers of float16 from 0 to 65504."""
HALFWAY = (FINITE[1:] + FINITE[:-1]) / 2
NEXT_TO_HALFWAY = np.concatenate([np.nextafter(HALFWAY, np.float32(0)), np.nextafter(HALFWAY, np.float32(1e9))])
BEYOND = np.array([65520, 1e9, np.inf, np.nan], np.float32)
"""No numbers of float16."""


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("beyond", [BEYOND[:0], BEYOND])
def test_flow_is_rounded_to_float16_bit_by_bit_when_it_is_computed_and_when_it_was_kept(beyond):
    ends = np.array([1e-45, 1e-38, 1e-9, 65519.99], np.float32)
    values = np.concatenate([FINITE, HALFWAY, NEXT_TO_HALFWAY, ends, beyond])
    given = np.stack([values, -values], axis=-1)[None]
    expected = given.astype(np.float16).astype(np.float32).view(np.uint32)
    pairs, (one, other) = PairFlow(GivenFlow(given)), np.indices(given.shape[:2], np.uint8)
    for _ in ("computed", "kept"):
        assert all(np.array_equal(flow.view(np.uint32), expected) for flow in pairs.between(one, other))
