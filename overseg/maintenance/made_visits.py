"""Which visits a run made, as far as the visits that are left show it, and the order to make them in."""

from collections.abc import Iterable, Sequence, Set

from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import PREVIEW_ROUNDS, SEED_ROUND, is_preview, sweep_rounds
from overseg.engine.sweep.previews import preview_visits
from overseg.engine.sweep.schedule import stretch_visits
from overseg.stages import Stages
from overseg.video.keyframes import Step


def surely_made(
    visits: Set[VisitKey], shots: Sequence[Shot], step: Step, stages: Stages, *, stretch: int | None = None
) -> frozenset[VisitKey]:
    """These visits, and all visits that a run makes before them; visits that no run makes are left out.

    Args:
        visits: of any round.
        shots, step, stages, stretch: those of the run.
    """
    made: set[VisitKey] = set()
    for round_, n in sweep_rounds(stages):
        for in_order in (one for shot in shots for one in stretch_visits(shot, step, round_, every=n, stretch=stretch)):
            n_made = max((n for n, key in enumerate(in_order, start=1) if key in visits), default=0)
            made.update(in_order[:n_made])
    for round_ in PREVIEW_ROUNDS:
        previews = preview_visits(shots, step, round_)
        forward = {key.stop: key for key in previews if key.start != key.stop and key.direction is Direction.FORWARD}
        for key in visits & set(previews):
            made |= {key, VisitKey(SEED_ROUND, key.from_frame, key.from_frame, Direction.FORWARD)}
            if key.direction is Direction.BACKWARD and key.start in forward:
                made.add(forward[key.start])
    return frozenset(made)


def in_making_order(visits: Iterable[VisitKey]) -> list[VisitKey]:
    """The visits, each after those that it starts from; see `schedule`."""
    return sorted(visits, key=_order)


def _order(key: VisitKey) -> tuple[bool, bool, bool, int, int]:
    is_sweep = not is_preview(key)
    if is_sweep and key.direction is Direction.BACKWARD:
        return True, True, True, -key.start, key.stop
    return is_sweep, False, key.start != key.stop, key.start, key.stop  # keyframes that stretches share come first
