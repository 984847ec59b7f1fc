"""Visits that were lost to damage, made anew from those that are left."""

import time
from collections.abc import Iterable, Sequence, Set
from typing import Any

from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import PREVIEW_ROUNDS, SEED_ROUND, is_preview, sweep_rounds
from overseg.engine.sweep.crossing import Crossing
from overseg.engine.sweep.previews import preview_visits
from overseg.engine.sweep.schedule import full_round, sweep
from overseg.engine.sweep.spending import Spending
from overseg.engine.tracks.publish import Outcome, conclude, linked
from overseg.maintenance.salvage import Salvage
from overseg.maintenance.unfolding import whole_visits
from overseg.stages import Associator, Report, Stages, TrackStore, Video
from overseg.store.zarr_store import ZarrStore


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


def keep_whole(store: ZarrStore, salvage: Salvage, shots: Sequence[Shot], step: int) -> None:
    """Bring back into a complete store the visits of which nothing is lost.

    Args:
        store: is mended. It may hold some of them already.
        salvage: of its result.
        shots, step: those of the run.
    """
    kept = store.committed()
    for visit in whole_visits(salvage, shots, step):
        if visit.key not in kept:
            store.commit(visit)


def publish_same(
    video: Video, associator: Associator, store: ZarrStore, summary: dict[str, Any], report: Report
) -> None:
    """Publish the result that was published with this summary, from the very visits that it was made of."""
    resolution, tracks, frames = linked(video.timestamps_s, store.shots() or [], associator, store, report)
    store.publish(tracks=tracks, frames=frames, edges=resolution.edges, summary=summary, final=store.final)


def publish_again(video: Video, stages: Stages, store: TrackStore, *, settings: Settings, report: Report) -> None:
    """Publish what a run publishes of these visits, of which all are there; what ended it is not known."""
    shots = store.shots() or []
    left = full_round(shots, settings.step) - store.committed()
    spending = Spending(store, stages, Budget(), n_frames=len(video), size=video.info.size, since=time.monotonic())
    limit = "that is not known any more" if left else None
    outcome = Outcome(limit=limit, visits_left=left, spent=spending.spent())
    conclude(video, shots, stages.associator, store, outcome, report)


def made_before(visits: Set[VisitKey], shots: Sequence[Shot], step: int, stages: Stages) -> frozenset[VisitKey]:
    """What a run that made these visits made, as far as that is sure: they, and what it makes before them.

    Visits that no run makes are left out.

    Args:
        visits: of any round.
        shots, step, stages: those of the run.
    """
    made: set[VisitKey] = set()
    for in_order in (sweep(shot, n * step, round_) for round_, n in sweep_rounds(stages) for shot in shots):
        n_made = max((n for n, key in enumerate(in_order, start=1) if key in visits), default=0)
        made.update(in_order[:n_made])
    for round_ in PREVIEW_ROUNDS:
        previews = preview_visits(shots, step, round_)
        came_to = {key.stop: key for key in previews if key.start != key.stop and key.direction is Direction.FORWARD}
        for key in visits & set(previews):
            made |= {key, VisitKey(SEED_ROUND, key.from_frame, key.from_frame, Direction.FORWARD)}
            if key.direction is Direction.BACKWARD and key.start in came_to:
                made.add(came_to[key.start])
    return frozenset(made)


def _order(key: VisitKey) -> tuple[bool, bool, bool, int, int]:
    """What starts from another visit comes after it: see `schedule`."""
    is_sweep = not is_preview(key)
    if is_sweep and key.direction is Direction.BACKWARD:
        return True, True, True, -key.start, key.stop
    return is_sweep, False, not is_sweep and key.start != key.stop, key.start, key.stop
