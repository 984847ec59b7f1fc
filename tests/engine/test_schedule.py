"""The order of visits."""

from dataclasses import replace

import pytest
from toy import ToyVideo, TruthGenerator

from overseg.associate.overlap import OverlapAssociator
from overseg.data.budget import Budget
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import FULL, PREVIEW_ROUNDS, SEED_ROUND, is_preview
from overseg.engine.sweep.previews import preview_keyframes, preview_visits, spread
from overseg.engine.sweep.schedule import expected_work, schedule, sweep_visits, visits_to_pay_for
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Stages
from overseg.video.keyframes import AUTO

F, B = Direction.FORWARD, Direction.BACKWARD
SHOTS = [[Shot(0, 0)], [Shot(0, 99)], [Shot(0, 3), Shot(4, 90), Shot(91, 140)]]
GENERATOR = TruthGenerator(ToyVideo(1))
SPARSE = [replace(GENERATOR, keyframe_work=work) for work in (2.5, 1.5)]
STAGES = Stages(GENERATOR, SPARSE[-1], FlowPropagator(), OverlapAssociator(), sparse_generators=SPARSE)


def planned(shots, step, **limits):
    return schedule(shots, step, Budget(**limits), STAGES)


def test_without_a_budget_each_shot_is_swept_forward_then_backward():
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
def test_a_budgeted_run_previews_the_video_and_then_makes_all_visits_of_the_full_run(shots, step):
    full, previewed = planned(shots, step), planned(shots, step, max_masks=10)
    assert sorted(full) == sorted(key for key in previewed if key.round == FULL)
    assert len(set(previewed)) == len(previewed)


def test_more_keyframes_are_of_the_full_round_alone():
    shot = Shot(0, 20, more_keyframes=(7,))
    plain, more = ({key for key in planned([shot], step, max_masks=10)} for step in (5, AUTO))
    assert {key for key in more - plain} == {
        VisitKey(FULL, start, stop, way) for start, stop in ((5, 7), (7, 10)) for way in (F, B)
    }
    assert all(key.round == FULL or (7 not in (key.start, key.stop)) for key in more)


@pytest.mark.parametrize("round_", PREVIEW_ROUNDS)
@pytest.mark.parametrize("step", [1, 3, 5])
@pytest.mark.parametrize("shots", SHOTS)
def test_a_preview_round_propagates_masks_to_each_frame_once(shots, step, round_):
    reached = [
        frame
        for key in preview_visits(shots, step, round_)
        if key.start != key.stop
        for frame in (range(key.start + 1, key.stop + 1) if key.direction is F else range(key.start, key.stop))
    ]
    there = [key.start for key in preview_visits(shots, step, round_) if key.start == key.stop]
    matches = [key.start for key in preview_visits(shots, step, round_) if key.direction is B]
    twice = {frame for frame in reached if reached.count(frame) == 2}
    assert twice <= set(matches)
    assert not set(reached) & set(there)
    assert set(reached) | set(there) == {frame for shot in shots for frame in range(shot.start, shot.stop + 1)}


def test_keyframes_of_a_coarser_round_are_keyframes_of_the_finer():
    for n in range(1, 300, 7):
        coarse, *finer = (preview_keyframes(Shot(10, 9 + n), 4, round_) for round_ in PREVIEW_ROUNDS)
        assert all(set(coarse) <= set(fine) for fine in finer)


def test_previews_have_fewer_keyframes_than_the_full_round():
    for n in range(1, 300, 7):
        of_full = sum(key.start == key.stop or key.direction is F for key in sweep_visits(Shot(0, n), 4))
        seeds = [key for key in preview_visits([Shot(0, n)], 4, PREVIEW_ROUNDS[-1]) if key.start == key.stop]
        assert len(seeds) <= max(1, 2 / 3 * of_full)


def test_no_visit_crosses_a_cut():
    for key in planned([Shot(0, 30), Shot(31, 99)], 4, max_masks=10):
        assert (key.start <= 30) == (key.stop <= 30)


def test_a_visit_comes_after_those_it_starts_from():
    done: set[tuple[int, Direction, int]] = set()
    for key in planned([Shot(0, 44), Shot(45, 200)], 5, max_masks=10):
        if is_preview(key) and key.start != key.stop:
            assert (SEED_ROUND, F, key.from_frame) in done
        elif key.start != key.stop:
            assert (key.round, F, key.start) in done
            assert key.direction is F or (key.round, F, key.stop) in done
        done.add((key.round, key.direction, key.stop if key.direction is F else key.start))


def test_the_first_visits_of_a_budgeted_run_are_spread_over_the_video():
    first = [key.start for key in planned([Shot(0, 999)], 5, max_masks=10)[:7] if key.start == key.stop]
    assert first[0] < 50
    assert first[1] > 950
    assert first[2] == pytest.approx(500, abs=80)


def _work(visits):
    return sum(expected_work(key, STAGES) for key in visits)


def test_a_limit_of_work_selects_the_densest_sweep_that_fits_and_skips_the_rounds_that_it_replaces():
    shots = [Shot(0, 299)]
    coarsest, coarse, finest = (_work(preview_visits(shots, 5, round_)) for round_ in PREVIEW_ROUNDS)
    full, dense, sparse = (_work(sweep_visits(shots[0], 5, round_)) for round_ in range(3))
    sparsest = _work(sweep_visits(shots[0], 10, 3))
    assert coarsest < coarse < finest < sparsest < sparse < dense < full

    def rounds(max_work):
        keys = planned(shots, 5, max_work=max_work)
        return list(dict.fromkeys(key.round for key in keys if key.start != key.stop))

    assert rounds(0.99 * coarse) == [*PREVIEW_ROUNDS[:2], 3, FULL]
    assert rounds(0.99 * finest) == [PREVIEW_ROUNDS[1], 3, FULL]
    assert rounds(0.99 * sparsest) == [PREVIEW_ROUNDS[2], 3, FULL]
    assert rounds(0.99 * sparse) == [3, FULL]
    assert rounds(1.01 * sparse) == [2, FULL]
    assert rounds(1.01 * dense) == [1, FULL]
    assert rounds(1.01 * full) == [FULL]


def test_without_sparser_generators_the_sparse_sweep_has_fewer_keyframes():
    stages = replace(STAGES, sparse_generators=[])
    keys = schedule([Shot(0, 299)], 5, Budget(max_seconds=60.0), stages)
    assert {key.round for key in keys if key.start != key.stop} == {*PREVIEW_ROUNDS[:2], 1, FULL}
    assert [key.stop for key in keys if key.round == 1 and key.direction is F][:3] == [0, 10, 20]


def test_the_remaining_work_is_used_for_whole_sweeps_of_shots_that_fit():
    long, *short = shots = [Shot(0, 199), Shot(200, 219), Shot(220, 239)]
    round_ = [key for shot in shots for key in sweep_visits(shot, 5, 2)]
    keys = planned(shots, 5, max_work=_work(round_) + 1.01 * sum(_work(sweep_visits(shot, 5)) for shot in short))
    assert sorted(keys[: len(round_)]) == sorted(round_)
    in_full = [
        shot
        for key in keys
        if (key.round, key.direction) == (FULL, F) and key.start == key.stop
        for shot in shots
        if shot.start == key.start
    ]
    assert sorted(in_full[:2], key=lambda shot: shot.start) == short
    assert in_full[2:] == [long]


def test_a_sweep_starts_only_if_all_of_its_visits_are_paid_for():
    shots = [Shot(0, 30), Shot(31, 50)]
    keys = planned(shots, 5)
    assert visits_to_pay_for(keys, 0) == sweep_visits(shots[0], 5)
    assert visits_to_pay_for(keys, 1) == keys[1:2]
    assert visits_to_pay_for(keys, len(sweep_visits(shots[0], 5))) == sweep_visits(shots[1], 5)
    previews = planned(shots, 5, max_masks=10)
    assert visits_to_pay_for(previews, 0) == previews[:1]


@pytest.mark.parametrize("max_work", [50, 150])
def test_shots_too_short_for_the_finest_previews_have_coarser_ones(max_work):
    shots = [Shot(0, 399), Shot(400, 408), Shot(409, 409)]
    keys = planned(shots, 5, max_work=max_work)
    reached = {frame for key in keys if is_preview(key) for frame in range(key.start, key.stop + 1)}
    assert reached == set(range(410))


@pytest.mark.parametrize("n", range(9))
def test_spreading_keeps_every_item_once(n):
    assert sorted(spread(range(n))) == list(range(n))
