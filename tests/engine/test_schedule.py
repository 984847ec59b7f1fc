"""The order of visits."""

import pytest
from toy import ToyVideo, TruthGenerator

from overseg.associate.overlap import OverlapAssociator
from overseg.data.budget import Budget
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.previews import PREVIEW_ROUNDS, preview_keyframes, preview_visits, spread
from overseg.engine.schedule import FULL, expected_work, schedule
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Stages

F, B = Direction.FORWARD, Direction.BACKWARD
SHOTS = [[Shot(0, 0)], [Shot(0, 99)], [Shot(0, 3), Shot(4, 90), Shot(91, 140)]]
GENERATOR = TruthGenerator(ToyVideo(1))
STAGES = Stages(GENERATOR, GENERATOR, FlowPropagator(), OverlapAssociator())


def planned(shots, step, **limits):
    return schedule(shots, step, Budget(**limits), STAGES)


def test_without_a_budget_each_shot_is_crossed_forward_then_backward():
    assert planned([Shot(0, 7), Shot(8, 8)], 5) == [
        VisitKey(0, 0, 0, F),
        VisitKey(0, 0, 5, F),
        VisitKey(0, 5, 7, F),
        VisitKey(0, 5, 7, B),
        VisitKey(0, 0, 5, B),
        VisitKey(0, 8, 8, F),
    ]


@pytest.mark.parametrize("step", [1, 3, 5])
@pytest.mark.parametrize("shots", SHOTS)
def test_a_budgeted_run_previews_the_video_and_then_does_all_that_the_other_does(shots, step):
    full, previewed = planned(shots, step), planned(shots, step, max_masks=10)
    assert sorted(full) == sorted(key for key in previewed if key.round == FULL)
    assert len(set(previewed)) == len(previewed)


@pytest.mark.parametrize("round_", PREVIEW_ROUNDS)
@pytest.mark.parametrize("step", [1, 3, 5])
@pytest.mark.parametrize("shots", SHOTS)
def test_a_coarse_round_carries_masks_onto_each_frame_once(shots, step, round_):
    reached = [
        frame
        for key in preview_visits(shots, step, round_)
        if key.start != key.stop
        for frame in (range(key.start + 1, key.stop + 1) if key.direction is F else range(key.start, key.stop))
    ]
    there = [at for shot in shots for at in preview_keyframes(shot, step, round_)]
    meetings = [key.start for key in preview_visits(shots, step, round_) if key.direction is B]
    twice = {frame for frame in reached if reached.count(frame) == 2}
    assert twice <= set(meetings)
    assert not set(reached) & set(there)
    if round_ == PREVIEW_ROUNDS[0]:
        assert set(reached) | set(there) == {frame for shot in shots for frame in range(shot.start, shot.stop + 1)}


def test_keyframes_of_a_coarser_round_are_keyframes_of_the_finer():
    for n in range(1, 300, 7):
        coarse, fine = (preview_keyframes(Shot(10, 9 + n), 4, round_) for round_ in PREVIEW_ROUNDS)
        assert not fine or set(coarse) < set(fine)


def test_no_visit_crosses_a_cut():
    for key in planned([Shot(0, 30), Shot(31, 99)], 4, max_masks=10):
        assert (key.start <= 30) == (key.stop <= 30)


def test_what_a_visit_starts_from_comes_before_it():
    done: set[tuple[int, Direction, int]] = set()
    for key in planned([Shot(0, 44), Shot(45, 200)], 5, max_masks=10):
        if key.round == FULL and key.start != key.stop:
            assert (FULL, F, key.start) in done
            assert key.direction is F or (FULL, F, key.stop) in done
        elif key.round != FULL and key.start != key.stop:
            assert (1, F, key.start if key.direction is F else key.stop) in done
        done.add((key.round, key.direction, key.stop if key.direction is F else key.start))


def test_the_first_visits_of_a_budgeted_run_are_spread_over_the_video():
    first = [key.start for key in planned([Shot(0, 999)], 5, max_masks=10)[:7] if key.start == key.stop]
    assert first[0] < 50
    assert first[1] > 950
    assert first[2] == pytest.approx(500, abs=80)


def test_a_coarse_round_is_left_out_where_the_work_allowed_is_enough_for_a_finer_one():
    shots = [Shot(0, 299)]
    work = {
        round_: sum(expected_work(key, STAGES) for key in preview_visits(shots, 5, round_)) for round_ in PREVIEW_ROUNDS
    } | {FULL: sum(expected_work(key, STAGES) for key in planned(shots, 5))}
    assert work[2] < work[1] < work[FULL]

    def rounds(max_work):
        keys = planned(shots, 5, max_work=max_work)
        return {key.round for key in keys if key.start != key.stop}

    assert rounds(0.9 * work[1]) == {2, 1, FULL}
    assert rounds(1.1 * work[1]) == {1, FULL}
    assert rounds(1.1 * work[FULL]) == {FULL}


@pytest.mark.parametrize("max_work", [50, 150])
def test_shots_too_short_for_the_finest_previews_are_previewed_too(max_work):
    shots = [Shot(0, 399), Shot(400, 408), Shot(409, 409)]
    keys = planned(shots, 5, max_work=max_work)
    reached = {frame for key in keys if key.round != FULL for frame in range(key.start, key.stop + 1)}
    assert reached == set(range(410))


@pytest.mark.parametrize("n", range(9))
def test_spreading_keeps_every_item_once(n):
    assert sorted(spread(range(n))) == list(range(n))
