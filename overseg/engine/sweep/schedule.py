"""The visits of a run, in order. They depend on shots, step, budget and stages, not on the masks that are found."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice, pairwise, takewhile

from overseg.data.budget import Budget
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import FULL, PREVIEW_ROUNDS, generates, generator_of, is_preview, refines, sweep_rounds
from overseg.engine.sweep.previews import preview_visits, spread
from overseg.stages import Stages
from overseg.video.keyframes import keyframes

MAX_PREVIEW_MASKS = 24  # on a keyframe; the largest ones, which cover most of it
_MASKS_EXPECTED = 60  # on a keyframe, to estimate the work of visits that are not made yet


def schedule(shots: Sequence[Shot], step: int, budget: Budget, stages: Stages) -> list[VisitKey]:
    """All visits of a run, in order.

    Without a budget, each shot is swept at full density: forward, then backward. With a budget, coarser rounds over
    the whole video come first, so that the result covers the whole video wherever the budget ends: previews, then
    sweeps with sparse masks. With a limit of work, the finest round that is expected to fit comes first, without the
    coarser rounds that it replaces; then the full sweeps of those shots for which the rest is expected to be enough.
    """
    if not budget.limited:
        return [visit for shot in shots for visit in sweep_visits(shot, step)]
    max_work = budget.max_work or 0.0

    def is_affordable(visits: Sequence[VisitKey]) -> bool:
        return _work(visits, stages) <= max_work

    rounds = [[sweep_visits(shot, n * step, round_) for shot in spread(shots)] for round_, n in sweep_rounds(stages)]
    sweeps, *_, sparsest = rounds
    first = next(filter(is_affordable, (list(chain(*round_)) for round_ in rounds)), None)
    if first is None:
        coarsest, *finer = (preview_visits(shots, step, round_) for round_ in PREVIEW_ROUNDS)
        first = next(filter(is_affordable, reversed(finer)), [*coarsest, *finer[0]])
        sweeps = [*sparsest, *sweeps]
    in_order = _affordable_first(sweeps, max_work - _work(first, stages), stages)
    return list(
        dict.fromkeys(chain(first, *in_order))
    )  # rounds of previews share the visits that make their keyframe masks


def sweep_visits(shot: Shot, step: int, round_: int = FULL) -> list[VisitKey]:
    """The visits of one sweep through a shot, forward and backward, with a keyframe every `step` frames."""
    clips = list(pairwise(keyframes(shot, step)))
    return [
        VisitKey(round_, shot.start, shot.start, Direction.FORWARD),
        *(VisitKey(round_, start, stop, Direction.FORWARD) for start, stop in clips),
        *(VisitKey(round_, start, stop, Direction.BACKWARD) for start, stop in reversed(clips)),
    ]


def full_round(shots: Sequence[Shot], step: int) -> frozenset[VisitKey]:
    """The visits of a complete run."""
    return frozenset(key for shot in shots for key in sweep_visits(shot, step))


def visits_to_pay_for(visits: Sequence[VisitKey], at: int) -> list[VisitKey]:
    """The visits that the budget must be enough for before the one at this place of a schedule is made.

    These are all visits of a sweep before its first one: a sweep that ends half-way makes many short tracks.
    """
    first = visits[at]
    if is_preview(first) or first.start != first.stop:
        return [first]
    others = takewhile(lambda key: key.round == first.round and key.start != key.stop, islice(visits, at + 1, None))
    return [first, *others]


def visit_work(key: VisitKey, n_propagated: int, stages: Stages) -> float:
    """Expected work of a visit, in passes of SAM's image encoder; `n_propagated` is summed over its frames."""
    work = stages.propagator.clip_work(key.stop - key.start, n_propagated)
    if generates(key):
        return work + generator_of(key, stages).keyframe_work
    if refines(key) and stages.refiner is not None:
        return work + stages.refiner.refine_work
    return work


def expected_work(key: VisitKey, stages: Stages) -> float:
    """Expected work of a visit that is not made yet, with an assumed number of masks."""
    n_masks = MAX_PREVIEW_MASKS if is_preview(key) else _MASKS_EXPECTED
    return visit_work(key, n_masks * (key.stop - key.start), stages)


def _work(visits: Iterable[VisitKey], stages: Stages) -> float:
    return sum(expected_work(key, stages) for key in visits)


def _affordable_first(sweeps: Sequence[list[VisitKey]], work_left: float, stages: Stages) -> list[list[VisitKey]]:
    """The sweeps that fit into the work left, then the others."""
    affordable: list[list[VisitKey]] = []
    others: list[list[VisitKey]] = []
    for one in sweeps:
        work = _work(one, stages)
        if work <= work_left:
            affordable.append(one)
            work_left -= work
        else:
            others.append(one)
    return [*affordable, *others]
