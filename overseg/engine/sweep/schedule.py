"""The visits of a run, in order. They depend on shots, step, budget and stages, not on the masks that are found."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice, pairwise, takewhile

from overseg.data.budget import Budget
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import (
    FULL,
    PREVIEW_ROUNDS,
    generates,
    generator_of,
    is_preview,
    locates,
    refines,
    sweep_rounds,
)
from overseg.engine.sweep.previews import gap_visits, preview_visits, spread
from overseg.stages import Stages
from overseg.video.keyframes import Step, keyframes

MAX_PREVIEW_MASKS = 24  # on a keyframe; the largest ones, which cover most of it
_LEAST_KEYFRAMES = 20  # of a part that is made of short shots
_MASKS_EXPECTED = 60  # on a keyframe, to estimate the work of visits that are not made yet


def schedule(
    shots: Sequence[Shot], step: Step, budget: Budget, stages: Stages, *, stretch: int | None = None
) -> list[VisitKey]:
    """All visits of a run, in order.

    Without a budget, each shot is swept at full density: forward, then backward. With a budget, coarser rounds over
    the whole video come first, so that the result covers the whole video wherever the budget ends: previews, then
    sweeps with sparse masks. With a limit of work, the finest round that is expected to fit comes first, without the
    coarser rounds that it replaces; then the full sweeps of those shots for which the rest is expected to be enough.
    """
    if not budget.limited:
        return [visit for shot in shots for visit in sweep_visits(shot, step, stretch=stretch)]
    max_work = budget.max_work or 0.0

    def is_affordable(visits: Sequence[VisitKey]) -> bool:
        return _work(visits, stages) <= max_work

    rounds = [
        [sweep_visits(shot, step, round_, every=n, stretch=stretch) for shot in spread(shots)]
        for round_, n in sweep_rounds(stages)
    ]
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


def sweep_visits(
    shot: Shot, step: Step, round_: int = FULL, *, every: int = 1, stretch: int | None = None
) -> list[VisitKey]:
    """The visits of one sweep through a shot, forward and backward.

    Args:
        shot, step, every: decide about its keyframes, see `keyframes`.
        round_: of the visits.
        stretch: as in `stretch_visits`.
    """
    return list(dict.fromkeys(chain(*stretch_visits(shot, step, round_, every=every, stretch=stretch))))


def stretch_visits(
    shot: Shot, step: Step, round_: int = FULL, *, every: int = 1, stretch: int | None = None
) -> list[list[VisitKey]]:
    """The visits of one sweep through a shot, by stretch. Stretches can be made in any order and at the same time.

    Two stretches share a keyframe, whose masks are made on their own first: the one before matches its propagated
    masks with them, and so does the one after on its way back. No mask is propagated from one stretch into the other.

    Args:
        shot, step, round_, every: as in `sweep_visits`.
        stretch: about how many keyframes a stretch has; None for one stretch, however long the shot is.
    """
    of_shot = keyframes(shot, step, every=every)
    return [_stretch(of_shot[start : stop + 1], shot, round_) for start, stop in _stretches(len(of_shot) - 1, stretch)]


def _stretches(n_clips: int, stretch: int | None) -> list[tuple[int, int]]:
    """The first and the last keyframe of each stretch, by number; all are about equally long.

    >>> _stretches(20, 8), _stretches(20, None), _stretches(0, 8)
    ([(0, 10), (10, 20)], [(0, 20)], [(0, 0)])
    """
    n = 1 if stretch is None else max(1, round(n_clips / stretch))
    return list(pairwise([i * n_clips // n for i in range(n + 1)]))


def _stretch(of_stretch: Sequence[int], shot: Shot, round_: int) -> list[VisitKey]:
    clips = list(pairwise(of_stretch))
    alone = of_stretch[:1] if of_stretch[-1] == shot.stop else (of_stretch[0], of_stretch[-1])
    return [
        *(VisitKey(round_, keyframe, keyframe, Direction.FORWARD) for keyframe in alone),
        *(VisitKey(round_, start, stop, Direction.FORWARD) for start, stop in clips),
        *(VisitKey(round_, start, stop, Direction.BACKWARD) for start, stop in reversed(clips)),
    ]


def first_keyframes_first(visits: Sequence[VisitKey]) -> list[VisitKey]:
    """The same visits, with those that make the first masks of shots before all others, and one clip among them.

    They show early how much work each shot is, and what a clip takes; a partial result has masks of all shots. No visit
    changes: the clip does not end where another stretch begins.
    """
    alone = [key for key in visits if key.start == key.stop]
    begun = {key.start for key in alone}
    clip = [key for key in visits if key.start in begun and key.start != key.stop and key.stop not in begun][:1]
    early = [one for key in alone for one in (key, *(made for made in clip if made.start == key.start))]
    return list(dict.fromkeys([*early, *visits]))


def parts(shots: Sequence[Shot], step: Step, *, stretch: int | None = None) -> list[list[VisitKey]]:
    """The visits of a complete run in parts, which can be made at the same time.

    A part is a stretch, or several short shots. The settings and the shots decide, and not the number of workers. A
    visit that two parts need is in both.
    """
    return _packed([one for shot in shots for one in stretch_visits(shot, step, stretch=stretch)], stretch)


def planned_parts(
    shots: Sequence[Shot], step: Step, budget: Budget, stages: Stages, *, stretch: int | None = None
) -> list[list[VisitKey]]:
    """The visits that a budget of work is expected to pay for, in parts, which can be made at the same time.

    Some of them may cost more than expected: one process then counts all in order, and goes on from there or removes
    what was too much, see `sweep_video`.
    """
    expected = affordable(schedule(shots, step, budget, stages, stretch=stretch), budget.max_work or 0.0, stages)
    place = {key: at for at, key in enumerate(expected)}
    swept = [
        one
        for round_, n in sweep_rounds(stages)
        for shot in shots
        for one in stretch_visits(shot, step, round_, every=n, stretch=stretch)
    ]
    previews = [gap for round_ in PREVIEW_ROUNDS for gap in gap_visits(shots, step, round_)]
    units = [[key for key in one if key in place] for one in (*previews, *swept)]
    in_order = sorted(filter(None, units), key=lambda unit: min(map(place.__getitem__, unit)))
    return _packed(in_order, stretch)


def _packed(units: Iterable[list[VisitKey]], stretch: int | None) -> list[list[VisitKey]]:
    """Visits that belong together, several of them in a part where they are few."""
    least = 2 * (stretch or _LEAST_KEYFRAMES)
    found: list[list[VisitKey]] = []
    for one in units:
        if found and len(found[-1]) + len(one) <= least:
            found[-1] = list(dict.fromkeys([*found[-1], *one]))
        else:
            found.append(one)
    return found


def full_round(shots: Sequence[Shot], step: Step, *, stretch: int | None = None) -> frozenset[VisitKey]:
    """The visits of a complete run."""
    return frozenset(key for shot in shots for key in sweep_visits(shot, step, stretch=stretch))


def visits_to_pay_for(visits: Sequence[VisitKey], at: int) -> list[VisitKey]:
    """The visits that the budget must be enough for before the one at this place of a schedule is made.

    These are all visits of a sweep before its first one: a sweep that ends half-way makes many short tracks.
    """
    first = visits[at]
    if is_preview(first) or first.start != first.stop:
        return [first]
    others = takewhile(lambda key: key.round == first.round and key.start != key.stop, islice(visits, at + 1, None))
    return [first, *others]


def affordable(visits: Sequence[VisitKey], max_work: float, stages: Stages) -> list[VisitKey]:
    """The visits from the first on that this work is expected to be enough for."""
    left = max_work
    for at, key in enumerate(visits):
        if _work(visits_to_pay_for(visits, at), stages) > left:
            return list(visits[:at])
        left -= expected_work(key, stages)
    return list(visits)


def visit_work(key: VisitKey, n_propagated: int, stages: Stages) -> float:
    """Expected work of a visit, in passes of SAM's image encoder; `n_propagated` is summed over its frames."""
    work = stages.propagator.clip_work(key.stop - key.start, n_propagated)
    if stages.locator is not None and locates(key):
        work += stages.locator.locate_work
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
