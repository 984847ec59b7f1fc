"""The time left is what visits of each kind took, in this run and in an earlier one."""

import numpy as np
import pytest
from toy import ToyVideo, TruthGenerator

from overseg.associate.overlap import OverlapAssociator
from overseg.data.masks import KeyframeMasks, Masks
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.sweep.pace import Pace
from overseg.engine.sweep.schedule import first_keyframes_first, sweep_visits
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Stages

SHOT = Shot(0, 59)
KEYS = sweep_visits(SHOT, 5)


def pace(shots=(SHOT,)) -> Pace:
    generator = TruthGenerator(ToyVideo(2))
    return Pace(Stages(generator, generator, FlowPropagator(), OverlapAssociator(), None, [generator]), shots)


def seconds_of(key: VisitKey, *, factor: float = 1.0) -> dict[str, float]:
    makes = key.direction is Direction.FORWARD
    share = 1.0 if makes else 0.6  # backward takes less
    found = {"generate": 4.0 * makes, "propagate": 0.2 * share * (key.stop - key.start), "locate": 1.5 * share}
    return {stage: factor * seconds for stage, seconds in found.items() if stage != "locate" or key.start < key.stop}


def visit(key: VisitKey, *, factor: float = 1.0, n_masks: int = 0) -> Visit:
    masks = Masks.empty((2, 3))
    if n_masks:
        found = KeyframeMasks.from_rles(Rles.from_masks(np.ones((n_masks, 2, 3), bool)))
        masks = Masks.from_keyframe(found, frame=key.stop, round_=key.round)
    return Visit.of_masks(key, masks, Terminations.empty(), seconds_of(key, factor=factor))


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
    resumed.remember(map(visit, KEYS[:n]), KEYS[:n])
    moved_anew_s = sum(0.2 * 0.4 * (key.stop - key.start) for key in KEYS[:n])
    assert resumed.left_s(KEYS[n:]) == pytest.approx(truth_s(KEYS[n:]) + moved_anew_s, rel=0.1)
    for key in KEYS[n : 2 * n]:
        resumed.add(visit(key, factor=3.0))
    assert resumed.left_s(KEYS[2 * n :]) > 0.7 * truth_s(KEYS[2 * n :], factor=3.0)


def test_nothing_is_shown_before_a_clip_is_known():
    followed = pace()
    followed.add(visit(KEYS[0]))
    assert followed.left_s(KEYS[1:]) is None
    followed.add(visit(KEYS[1]))
    assert followed.left_s(KEYS[2:]) is not None


def test_a_shot_with_few_masks_is_expected_to_take_less():
    shots = Shot(0, 19), Shot(20, 39)
    crowded, sparse = (sweep_visits(shot, 5) for shot in shots)
    followed = pace(shots)
    for key in (*crowded, sparse[0]):
        followed.add(visit(key, n_masks=8 if key in crowded and key.start == key.stop else 0))
    for key in crowded:  # the same visits, where both shots have as many masks
        followed.add(visit(key))
    less_s = followed.left_s(sparse[1:])
    like = pace(shots)
    for key in (*crowded, sparse[0], *crowded):
        like.add(visit(key))
    assert 0.4 < less_s / like.left_s(sparse[1:]) < 0.95


def test_a_clip_that_an_earlier_run_moved_forward_takes_as_long_backward():
    resumed, n = pace(), len(KEYS) // 2 + 1
    resumed.remember(map(visit, KEYS[:n]), KEYS[:n])
    forward_s = 0.2 * (KEYS[n].stop - KEYS[n].start)
    anew, again = resumed.left_s(KEYS[n : n + 1]), pace()
    again.remember(map(visit, KEYS[:n]), ())
    assert anew - again.left_s(KEYS[n : n + 1]) > 0.2 * forward_s


def test_the_first_keyframes_come_first_and_one_clip_that_ends_at_no_other_stretch():
    shots = [Shot(0, 0), Shot(1, 20), Shot(21, 40)]
    visits = [key for shot in shots for key in sweep_visits(shot, 5)]
    ordered = first_keyframes_first(visits)
    assert [(key.start, key.stop) for key in ordered[:4]] == [(0, 0), (1, 1), (1, 6), (21, 21)]
    assert sorted(ordered) == sorted(visits)
    in_stretches = first_keyframes_first(sweep_visits(SHOT, 5, stretch=1))
    assert [key.start == key.stop for key in in_stretches[:13]] == [True] * 12 + [False]
