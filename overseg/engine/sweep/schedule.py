"""Which visits a run makes, in which order. Depends on shots, step, budget and stages, never on what was found."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice, pairwise, takewhile

from overseg.data.budget import Budget
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import FULL, PREVIEW_ROUNDS, generates, generator_of, is_preview, refines, sweep_rounds
from overseg.engine.sweep.previews import preview_visits, spread
from overseg.stages import Stages
from overseg.video.keyframes import keyframes

MAX_PREVIEW_MASKS = 24  # of a keyframe: the largest, which cover most of it
_MASKS_EXPECTED = 60  # of a keyframe, to reckon what all of a video will take


def schedule(shots: Sequence[Shot], step: int, budget: Budget, stages: Stages) -> list[VisitKey]:
    """All visits of a run, in order.

    A run without a budget sweeps each shot at full density: forward, then backward. With one, coarser rounds over the
    whole video come first, so that whatever the budget ends is spread over the whole video too: previews, and a sweep
    with sparse masks. Where the budget is of work, the finest round that it is reckoned to be enough for is made at
    once, without those that this makes needless; then come the shots whose next sweep it is still enough for.
    """
    if not budget.limited:
        return [visit for shot in shots for visit in sweep(shot, step)]
    max_work = budget.max_work or 0.0

    def is_affordable(visits: Sequence[VisitKey]) -> bool:
        return _work(visits, stages) <= max_work

    rounds = [[sweep(shot, n * step, round_) for shot in spread(shots)] for round_, n in sweep_rounds(stages)]
    sweeps, *_, sparsest = rounds
    first = next(filter(is_affordable, (list(chain(*round_)) for round_ in rounds)), None)
    if first is None:
        coarsest, *finer = (preview_visits(shots, step, round_) for round_ in PREVIEW_ROUNDS)
        first = next(filter(is_affordable, reversed(finer)), [*coarsest, *finer[0]])
        sweeps = [*sparsest, *sweeps]
    in_order = _affordable_first(sweeps, max_work - _work(first, stages), stages)
    return list(dict.fromkeys(chain(first, *in_order)))  # a seed of one round is a seed of the next


def sweep(shot: Shot, step: int, round_: int = FULL) -> list[VisitKey]:
    """The visits that cross a shot twice, with a keyframe every `step` frames."""
    clips = list(pairwise(keyframes(shot, step)))
    return [
        VisitKey(round_, shot.start, shot.start, Direction.FORWARD),
        *(VisitKey(round_, start, stop, Direction.FORWARD) for start, stop in clips),
        *(VisitKey(round_, start, stop, Direction.BACKWARD) for start, stop in reversed(clips)),
    ]


def full_round(shots: Sequence[Shot], step: int) -> frozenset[VisitKey]:
    """The visits of a complete run."""
    return frozenset(key for shot in shots for key in sweep(shot, step))


def begun_by(visits: Sequence[VisitKey], at: int) -> list[VisitKey]:
    """The visits to pay for before the one at this place of a schedule is made.

    Those of a whole sweep, with its first: one that only goes forward, or over a part, would be many short tracks.
    """
    first = visits[at]
    if is_preview(first) or first.start != first.stop:
        return [first]
    others = takewhile(lambda key: key.round == first.round and key.start != key.stop, islice(visits, at + 1, None))
    return [first, *others]


def visit_work(key: VisitKey, n_propagated: int, stages: Stages) -> float:
    """Expected work of a visit, in passes of SAM's image encoder, with masks propagated on all its frames."""
    work = stages.propagator.clip_work(key.stop - key.start, n_propagated)
    if generates(key):
        return work + generator_of(key, stages).keyframe_work
    if refines(key) and stages.refiner is not None:
        return work + stages.refiner.refine_work
    return work


def expected_work(key: VisitKey, stages: Stages) -> float:
    """`visit_work` of a visit that is not made yet."""
    n_masks = MAX_PREVIEW_MASKS if is_preview(key) else _MASKS_EXPECTED
    return visit_work(key, n_masks * (key.stop - key.start), stages)


def _work(visits: Iterable[VisitKey], stages: Stages) -> float:
    return sum(expected_work(key, stages) for key in visits)


def _affordable_first(sweeps: Sequence[list[VisitKey]], work_left: float, stages: Stages) -> list[list[VisitKey]]:
    """The sweeps that the work left buys, then the others."""
    bought: list[list[VisitKey]] = []
    others: list[list[VisitKey]] = []
    for one in sweeps:
        work = _work(one, stages)
        if work <= work_left:
            bought.append(one)
            work_left -= work
        else:
            others.append(one)
    return [*bought, *others]
