"""Visits that were lost to damage, made anew from those that are left."""

import time
from collections.abc import Iterable

from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.data.visit import Direction, VisitKey
from overseg.engine.conclude import Outcome, conclude
from overseg.engine.crossing import Crossing
from overseg.engine.schedule import FULL, full_visits
from overseg.engine.spending import Spending
from overseg.stages import Report, Stages, TrackStore, Video


def make_again(
    video: Video, stages: Stages, store: TrackStore, lost: Iterable[VisitKey], *, settings: Settings, report: Report
) -> None:
    """Make visits that the store has no more. What they start from is there, or is made first: they are the same again.

    Args:
        video, stages: those of the run.
        store: has all its visits but the lost ones.
        lost: which.
        settings: those that the stages were built with.
        report: is told of every visit.
    """
    crossing = Crossing(video, stages, store, max_missed=settings.max_missed, max_frontier=settings.max_frontier)
    in_order = sorted(lost, key=_order)
    for done, key in enumerate(in_order):
        report.progress("repair", done, len(in_order))
        crossing.make(key)
    report.progress("repair", len(in_order), len(in_order))


def publish_again(
    video: Video, stages: Stages, store: TrackStore, *, settings: Settings, limit: str | None, report: Report
) -> None:
    """Publish what a run had published when `limit` ended it, from its visits, which are all there."""
    shots = store.shots()
    if shots is None:
        return
    left = {visit for shot in shots for visit in full_visits(shot, settings.step)} - store.committed()
    spending = Spending(store, stages, Budget(), n_frames=len(video), size=video.info.size, since=time.monotonic())
    outcome = Outcome(limit=limit, visits_left=frozenset(left), spent=spending.spent())
    conclude(video, shots, stages.associator, store, outcome, report)


def _order(key: VisitKey) -> tuple[bool, bool, bool, int, int]:
    """What starts from another visit comes after it: see `schedule`."""
    is_full, is_back = key.round == FULL, key.direction is Direction.BACKWARD
    if is_full and is_back:
        return True, True, True, -key.start, key.stop
    return is_full, False, not is_full and key.start != key.stop, key.start, key.stop
