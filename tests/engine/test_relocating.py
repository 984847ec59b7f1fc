"""Masks that flow lost are located by their appearance, in runs on a video that jumps."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from propagate.propagator_suite import SIZE, ArrayVideo, discs, panning_video

from overseg.data.frame import Frame
from overseg.data.located import Located
from overseg.data.masklets import End
from overseg.data.masks import KeyframeMasks, Masks, Source
from overseg.data.rles import Rles
from overseg.data.visit import Direction, VisitKey
from overseg.engine.sweep.propagated import Propagated, propagate
from overseg.engine.sweep.region_rows import Pairs, mutual_best
from overseg.engine.sweep.relocating import SURE_SUPPORT, Relocator, Sought, sure_or_linked
from overseg.propagate.flow import FlowPropagator
from overseg.stages import MaskLocator

JUMP_PX, JUMPS_AT = 60, 3  # further than the disc's diameter, so that flow loses it
KEY = VisitKey(0, 0, 6, Direction.FORWARD)


def disc_on(frame: int) -> Rles:
    """A disc that is fixed to the picture, which jumps once."""
    return discs(SIZE, (110 - (JUMP_PX if frame >= JUMPS_AT else 0), 45, 16))


def video() -> ArrayVideo:
    """A still picture, except for one jump of the camera with new texture all over."""
    still = panning_video(2, step_px=JUMP_PX)
    before, after = still.frames
    noise = np.random.default_rng(0).integers(0, 256, before.shape, dtype=np.uint8)
    return ArrayVideo(np.array([before] * JUMPS_AT + [noise] + [after] * (6 - JUMPS_AT)))


@dataclass(frozen=True)
class KnowsTheDisc:
    """Locates the disc on every frame.

    Attributes:
        support: of the masks that it locates.
        similarity: of any remembered mask and any mask that is the disc.
        locate_work: as in MaskLocator.
        least_px: no smaller mask can be located.
        calls: the frame, and the frames remembered of each mask, call by call.
    """

    support: float = 0.9
    similarity: float = 0.0
    locate_work: float = 1.0
    least_px: float = 0.0
    calls: list[tuple[int, list[list[int]]]] = field(default_factory=list)

    def least_area_px(self, size: tuple[int, int]) -> float:
        return self.least_px

    def sightings(self, frame: Frame, masks: Rles) -> list[int]:
        return [frame.index] * len(masks)

    def similarities(self, frame: Frame, memories, masks: Rles) -> np.ndarray:
        is_disc = masks.iou(disc_on(frame.index))[:, 0] == 1
        return np.outer(np.ones(len(memories)), is_disc * self.similarity).astype(np.float32)

    def locate(self, frame: Frame, memories, propagated: Rles, support: np.ndarray) -> Located:
        self.calls.append((frame.index, [list(memory) for memory in memories]))
        n = len(memories)
        rles = Rles.concatenate(SIZE, [disc_on(frame.index)] * n)
        return Located(rles, np.full(n, 0.9, np.float32), np.full(n, self.support, np.float32))


def rows_on(frame: int, rles: Rles) -> Masks:
    return Masks.from_keyframe(KeyframeMasks.from_rles(rles), frame=frame, round_=0)


def relocated(
    locator: KnowsTheDisc, *, n_prompts: int = 1, wanted: bool = True, earlier=()
) -> tuple[Masks, Propagated]:
    frames, prompts = video(), rows_on(0, Rles.concatenate(SIZE, [disc_on(0)] * n_prompts))
    relocator = Relocator(frames, FlowPropagator(min_area_px=20), locator)
    propagated = propagate(frames, KEY, prompts, relocator.propagator)
    assert not len(propagated.on_keyframe)  # flow loses it
    sought = Sought(KEY, prompts, np.full(n_prompts, wanted), earlier)
    found = relocator.on_keyframe(sought, propagated, relocator.unsure(sought, propagated))
    return prompts, found


def test_the_stand_in_is_one():
    assert isinstance(KnowsTheDisc(), MaskLocator)


def test_a_mask_that_flow_lost_is_located_on_the_keyframe():
    prompts, found = relocated(KnowsTheDisc())
    assert found.on_keyframe.region.tolist() == prompts.region.tolist()
    assert found.on_keyframe.frame.tolist() == [6]
    assert found.on_keyframe.source.tolist() == [Source.FORWARD]
    assert found.on_keyframe.rles.iou(disc_on(6))[0, 0] == 1
    assert found.terminations.end.tolist() == [End.CLIP]
    assert found.terminations.last_frame.tolist() == [6]


def test_a_mask_that_is_located_with_too_little_support_stays_lost():
    _, found = relocated(KnowsTheDisc(support=0.1))
    assert not len(found.on_keyframe)
    assert found.terminations.end.tolist() == [End.LOST]


def test_only_wanted_masks_are_located():
    locator = KnowsTheDisc()
    _, found = relocated(locator, wanted=False)
    assert not len(found.on_keyframe)
    assert not locator.calls


def test_masks_of_the_region_on_earlier_keyframes_are_remembered_too():
    locator = KnowsTheDisc()
    earlier = replace(rows_on(2, disc_on(2)), region=rows_on(0, disc_on(0)).region)
    relocated(locator, earlier=[earlier, Masks.empty(SIZE)])
    assert locator.calls == [(6, [[0, 2]])]


def test_masks_that_are_too_small_are_not_located():
    locator = KnowsTheDisc(least_px=1000)
    _, found = relocated(locator)
    assert not len(found.on_keyframe)
    assert not locator.calls


SIDE = discs(SIZE, (40, 60, 10))


def with_similar(locator: KnowsTheDisc, own: Rles, *, earlier=(), **options) -> Propagated:
    prompts, found = relocated(locator, **options)
    every = np.ones(len(prompts), bool)
    relocator = Relocator(video(), FlowPropagator(), locator)
    return relocator.similar(Sought(KEY, prompts, every, earlier), found, every, rows_on(6, own))


def test_a_similar_mask_of_the_keyframe_takes_the_place_of_one_that_was_not_located():
    found = with_similar(KnowsTheDisc(similarity=0.6, support=0.1), Rles.concatenate(SIZE, [SIDE, disc_on(6)]))
    assert found.on_keyframe.rles.counts == disc_on(6).counts
    assert found.on_keyframe.score.tolist() == pytest.approx([0.6])
    assert found.on_keyframe.source.tolist() == [Source.FORWARD]
    assert found.terminations.end.tolist() == [End.CLIP]


def test_each_mask_of_the_keyframe_takes_one_place():
    found = with_similar(KnowsTheDisc(similarity=0.6, support=0.1), disc_on(6), n_prompts=2)
    assert len(found.on_keyframe) == 1


def test_of_two_that_are_as_similar_the_region_that_was_seen_before_takes_the_place():
    locator = KnowsTheDisc(similarity=0.6, support=0.1)
    second = rows_on(0, Rles.concatenate(SIZE, [disc_on(0)] * 2)).region[1:]
    earlier = replace(rows_on(2, disc_on(2)), region=second)
    found = with_similar(locator, disc_on(6), n_prompts=2, earlier=[earlier])
    assert found.on_keyframe.region.tolist() == second.tolist()


def test_a_mask_of_the_keyframe_that_is_not_similar_takes_no_place():
    found = with_similar(KnowsTheDisc(similarity=0.2, support=0.55), disc_on(6))
    assert found.on_keyframe.score.tolist() == pytest.approx([0.55])


def test_pairs_are_each_other_s_best():
    similarity = np.array([[0.9, 0.8, 0.0], [0.95, 0.2, 0.4], [0.3, 0.1, 0.5]], np.float32)
    assert mutual_best(similarity, at_least=0.3).tolist() == [[1, 0], [2, 2]]
    assert mutual_best(similarity, at_least=0.6).tolist() == [[1, 0]]
    assert mutual_best(similarity[:0], at_least=0.3).shape == (0, 2)
    assert mutual_best(similarity[:, :0], at_least=0.3).shape == (0, 2)


def between(locator: KnowsTheDisc) -> tuple[Masks, Masks]:
    """The backward rows of a clip before and after its middle is filled."""
    frames, starts, stops = video(), rows_on(0, disc_on(0)), rows_on(6, disc_on(6))
    relocator = Relocator(frames, FlowPropagator(min_area_px=20), locator)
    back = replace(KEY, direction=Direction.BACKWARD)
    forward = propagate(frames, KEY, starts, relocator.propagator).between
    backward = propagate(frames, back, stops, relocator.propagator).between
    pairs = Pairs.of(starts, stops, starts.region, stops.region)
    return backward, relocator.between(back, pairs, forward, backward)


def test_a_region_that_both_directions_lose_is_located_in_the_middle():
    locator = KnowsTheDisc()
    before, after = between(locator)
    assert JUMPS_AT not in before.frame
    assert locator.calls == [(JUMPS_AT, [[0, 6]])]
    row = after.take(after.frame == JUMPS_AT)
    assert row.rles.iou(disc_on(JUMPS_AT))[0, 0] == 1
    assert row.source.tolist() == [Source.BACKWARD]
    assert row.region.tolist() == rows_on(6, disc_on(6)).region.tolist()
    pairs = list(zip(after.region.tolist(), after.frame.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)  # one row for each region and frame


def test_a_better_mask_of_flow_is_kept():
    before, after = between(KnowsTheDisc(support=0.4))
    kept = after.take(np.isin(after.frame, [4, 5]))
    assert kept.score.tolist() == before.take(np.isin(before.frame, [4, 5])).score.tolist()


@pytest.mark.parametrize("stop", [0, 1])
def test_a_clip_without_frames_between_its_keyframes_needs_nothing(stop):
    locator = KnowsTheDisc()
    starts, stops = rows_on(0, disc_on(0)), rows_on(stop, disc_on(stop))
    key = VisitKey(0, 0, stop, Direction.BACKWARD)
    nothing = Masks.empty(SIZE)
    pairs = Pairs.of(starts, stops, starts.region, stops.region)
    assert Relocator(video(), FlowPropagator(), locator).between(key, pairs, nothing, nothing) is nothing
    assert not locator.calls


def test_pairs_without_a_mask_on_both_keyframes_are_left_out():
    starts, stops = rows_on(0, disc_on(0)), rows_on(6, disc_on(6))
    missing = np.array([12345])
    assert len(Pairs.of(starts, stops, missing, stops.region).starts) == 0
    assert len(Pairs.of(starts, stops, starts.region, missing).stops) == 0


def test_what_has_little_support_and_no_match_is_not_shown_and_ends_before():
    _, found = relocated(KnowsTheDisc(support=0.48))
    region = found.on_keyframe.region
    linked = sure_or_linked(KEY, found, region)
    assert linked.on_keyframe.frame.tolist() == [6]
    assert linked.terminations.end.tolist() == [End.CLIP]
    alone = sure_or_linked(KEY, found, region[:0])
    assert not len(alone.on_keyframe)
    assert (alone.between.score >= SURE_SUPPORT).all()
    assert alone.terminations.last_frame.tolist() == [max(alone.between.frame.tolist(), default=0)]
    assert alone.terminations.end.tolist() == [End.LOST]
