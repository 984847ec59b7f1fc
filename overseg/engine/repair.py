"""Visits that were lost to damage, made anew from those that are left."""

import time
from collections.abc import Iterable
from typing import Any

from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.data.visit import Direction, VisitKey
from overseg.engine.conclude import Outcome, conclude, linked
from overseg.engine.crossing import Crossing
from overseg.engine.rounds import is_preview
from overseg.engine.schedule import sweep
from overseg.engine.spending import Spending
from overseg.engine.unfolding import whole_visits
from overseg.stages import Associator, Report, Stages, TrackStore, Video
from overseg.store.salvage import Salvage
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


def complete_again(
    video: Video,
    stages: Stages,
    store: ZarrStore,
    salvage: Salvage | None,
    summary: dict[str, Any] | None,
    linker: Associator,
    *,
    settings: Settings,
    report: Report,
) -> frozenset[VisitKey]:
    """Make again those visits of a complete run of which something is lost, and publish its result anew.

    Args:
        video, stages, settings: those of the run.
        store: is final, with a result that is damaged.
        salvage: of that result; None where nobody knows what is whole in it.
        summary: of that result; None where it is lost.
        linker: decided its tracks.
        report: is told of every visit.

    Returns:
        The visits that were made again.
    """
    shots = store.shots() or []
    store.unfold([] if salvage is None else whole_visits(salvage, shots, settings.step))
    lost = frozenset(key for shot in shots for key in sweep(shot, settings.step)) - store.committed()
    make_again(video, stages, store, lost, settings=settings, report=report)
    if summary is None:
        publish_again(video, stages, store, settings=settings, limit=None, report=report)
        return lost
    resolution, tracks, frames = linked(video.timestamps_s, shots, linker, store, report)
    store.publish(tracks=tracks, frames=frames, edges=resolution.edges, summary=summary, final=True)
    return lost


def publish_again(
    video: Video, stages: Stages, store: TrackStore, *, settings: Settings, limit: str | None, report: Report
) -> None:
    """Publish what a run had published when `limit` ended it, from its visits, which are all there."""
    shots = store.shots()
    if shots is None:
        return
    left = {visit for shot in shots for visit in sweep(shot, settings.step)} - store.committed()
    spending = Spending(store, stages, Budget(), n_frames=len(video), size=video.info.size, since=time.monotonic())
    outcome = Outcome(limit=limit, visits_left=frozenset(left), spent=spending.spent())
    conclude(video, shots, stages.associator, store, outcome, report)


def _order(key: VisitKey) -> tuple[bool, bool, bool, int, int]:
    """What starts from another visit comes after it: see `schedule`."""
    is_sweep = not is_preview(key)
    if is_sweep and key.direction is Direction.BACKWARD:
        return True, True, True, -key.start, key.stop
    return is_sweep, False, not is_sweep and key.start != key.stop, key.start, key.stop
