"""The order of visits."""

import pytest

from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.schedule import FULL, schedule, spread

F, B = Direction.FORWARD, Direction.BACKWARD


def test_without_a_budget_each_shot_is_crossed_forward_then_backward():
    assert schedule([Shot(0, 7), Shot(8, 8)], 5, previews=False) == [
        VisitKey(0, 0, 0, F),
        VisitKey(0, 0, 5, F),
        VisitKey(0, 5, 7, F),
        VisitKey(0, 5, 7, B),
        VisitKey(0, 0, 5, B),
        VisitKey(0, 8, 8, F),
    ]


@pytest.mark.parametrize("step", [1, 3, 5])
@pytest.mark.parametrize("shots", [[Shot(0, 0)], [Shot(0, 99)], [Shot(0, 3), Shot(4, 90), Shot(91, 140)]])
def test_a_budgeted_run_previews_the_video_and_then_does_all_that_the_other_does(shots, step):
    full, previewed = (schedule(shots, step, previews=previews) for previews in (False, True))
    assert sorted(full) == sorted(key for key in previewed if key.round == FULL)
    assert len(set(previewed)) == len(previewed)
    assert len([key for key in previewed if key.start == key.stop and key.round != FULL]) <= 1 + len(full) / 4


def test_no_visit_crosses_a_cut():
    for key in schedule([Shot(0, 30), Shot(31, 99)], 4, previews=True):
        assert (key.start <= 30) == (key.stop <= 30)


def test_what_a_visit_starts_from_comes_before_it():
    done: set[tuple[Direction, int]] = set()
    for key in schedule([Shot(0, 44), Shot(45, 200)], 5, previews=True):
        if key.round == FULL and key.start != key.stop:
            assert (F, key.start) in done
            assert key.direction is F or (F, key.stop) in done
        if key.round == FULL:
            done.add((key.direction, key.stop if key.direction is F else key.start))


def test_the_first_visits_of_a_budgeted_run_are_spread_over_the_video():
    first = [key.start for key in schedule([Shot(0, 999)], 5, previews=True)[:5]]
    assert first[:2] == [0, 999]
    assert sorted(first)[2] == pytest.approx(500, abs=80)


@pytest.mark.parametrize("n", range(9))
def test_spreading_keeps_every_item_once(n):
    assert sorted(spread(range(n))) == list(range(n))
