"""The time left is what visits of each kind took, in this run and in an earlier one."""

import pytest
from toy import ToyVideo, TruthGenerator

from overseg.associate.overlap import OverlapAssociator
from overseg.data.masks import Masks
from overseg.data.shot import Shot
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.sweep.pace import Pace
from overseg.engine.sweep.schedule import first_keyframes_first, sweep_visits
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Stages

SHOT = Shot(0, 59)
KEYS = sweep_visits(SHOT, 5)


def pace() -> Pace:
    generator = TruthGenerator(ToyVideo(2))
    return Pace(Stages(generator, generator, FlowPropagator(), OverlapAssociator(), None, [generator]), [SHOT])


def seconds_of(key: VisitKey, *, factor: float = 1.0) -> dict[str, float]:
    makes = key.direction is Direction.FORWARD
    share = 1.0 if makes else 0.6  # backward takes less
    found = {"generate": 4.0 * makes, "propagate": 0.2 * share * (key.stop - key.start), "locate": 1.5 * share}
    return {stage: factor * seconds for stage, seconds in found.items() if stage != "locate" or key.start < key.stop}


def visit(key: VisitKey, *, factor: float = 1.0) -> Visit:
    return Visit.of_masks(key, Masks.empty((2, 3)), Terminations.empty(), seconds_of(key, factor=factor))


def truth_s(keys, *, factor: float = 1.0) -> float:
    return sum(sum(seconds_of(key, factor=factor).values()) for key in keys)


def test_two_visits_show_what_the_rest_takes():
    followed = pace()
    assert followed.left_s(KEYS) is None
    for key in KEYS[:2]:
        followed.add(visit(key))
    assert followed.left_s(KEYS[2:]) == pytest.approx(truth_s(KEYS[2:]), rel=0.1)


def test_a_resumed_run_knows_at_once_and_follows_a_slower_machine():
    resumed, n = pace(), len(KEYS) // 3
    resumed.remember(map(visit, KEYS[:n]))
    assert resumed.left_s(KEYS[n:]) == pytest.approx(truth_s(KEYS[n:]), rel=0.1)
    for key in KEYS[n : 2 * n]:
        resumed.add(visit(key, factor=3.0))
    assert resumed.left_s(KEYS[2 * n :]) > 0.7 * truth_s(KEYS[2 * n :], factor=3.0)


def test_the_first_keyframes_come_first_and_one_clip_that_ends_at_no_other_stretch():
    shots = [Shot(0, 0), Shot(1, 20), Shot(21, 40)]
    visits = [key for shot in shots for key in sweep_visits(shot, 5)]
    ordered = first_keyframes_first(visits)
    assert [(key.start, key.stop) for key in ordered[:4]] == [(0, 0), (1, 1), (1, 6), (21, 21)]
    assert sorted(ordered) == sorted(visits)
    in_stretches = first_keyframes_first(sweep_visits(SHOT, 5, stretch=1))
    assert [key.start == key.stop for key in in_stretches[:13]] == [True] * 12 + [False]
