"""A run of the full pipeline: the only place that knows the order of the stages and spends the budget."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.data.shot import Shot
from overseg.data.visit import Visit, VisitKey
from overseg.engine.partial import PartialResults, WithoutProgress, publishing_if_interrupted
from overseg.engine.sweep.advance import Advance
from overseg.engine.sweep.crossing import Crossing
from overseg.engine.sweep.outcome import Outcome, publish_run
from overseg.engine.sweep.schedule import first_keyframes_first, full_round, schedule, visits_to_pay_for
from overseg.engine.sweep.spending import Spending
from overseg.stages import Report, Stages, TrackStore, Video
from overseg.video.keyframes import AUTO, Step, with_more_keyframes
from overseg.video.shots import find_shots

_AT_ONCE: AbstractContextManager[object] = nullcontext()


def sweep_video(
    video: Video,
    stages: Stages,
    store: TrackStore,
    *,
    settings: Settings,
    budget: Budget,
    report: Report,
    since: float,
    turn: AbstractContextManager[object] = _AT_ONCE,
    ahead: bool = False,
) -> Outcome:
    """Work on `store` until every visit is made or the budget is spent, then publish the result.

    Partial results are published on the way, and when Ctrl-C interrupts the run.

    Args:
        video, stages: the input, and the stages that work on it.
        store: may hold visits of an earlier run with the same video and settings; the run continues from them.
        settings: those that the stages were built with.
        budget: limits over all runs on this store.
        report: receives progress and events.
        since: time.monotonic() when this run began; a budget in seconds counts from there.
        turn: is held while masks are made, and not while shots are found and the result is published. A budget in
            seconds does not count the time that the run waits for it.
        ahead: whether other processes made visits of `planned_parts` ahead of their turn. Each counts when its turn
            comes, and those that the budget does not pay for are removed. So the result is that of one process.
    """
    shots = kept_shots(video, store, settings.step, report)
    visits = schedule(shots, settings.step, budget, stages, stretch=settings.stretch)
    if not budget.limited:
        visits = first_keyframes_first(visits)
    crossing = _crossing(video, stages, store, settings)
    spending = Spending(
        store,
        stages,
        budget,
        n_frames=len(video),
        size=video.info.size,
        since=since,
        later=frozenset(visits if ahead else ()),
    )
    made = store.committed()
    advance = Advance(visits, made, stages, shots, budget, n_frames=len(video), read=store.read)
    full = full_round(shots, settings.step, stretch=settings.stretch)

    def publish(limit: str | None, stopped: str | None, told: Report) -> Outcome:
        left = full - store.committed()
        outcome = Outcome(limit=limit, visits_left=left, spent=spending.spent(), stopped=stopped)
        publish_run(video, shots, stages.associator, store, outcome, told)
        return outcome

    partial = PartialResults(lambda: publish(None, "running", WithoutProgress(report)))
    with publishing_if_interrupted(store, lambda: publish(None, "interrupted", WithoutProgress(report)), report):
        asked = time.monotonic()
        with turn:
            spending.leave_out(time.monotonic() - asked)
            limit = _make(visits, crossing, store, spending, advance, partial, report, ahead=ahead)
    return publish(limit, None, report)


def make_visits(
    video: Video,
    stages: Stages,
    store: TrackStore,
    visits: Sequence[VisitKey],
    *,
    settings: Settings,
    report: Report,
) -> None:
    """Make a part of the visits of a run, without a result; `sweep_video` publishes it when all parts are made.

    Args:
        video, stages, store, settings, report: as in `sweep_video`. Other processes may add other visits to the store.
        visits: one of `schedule.parts`.
    """
    crossing = _crossing(video, stages, store, settings)
    for done, key in enumerate(visits):
        report.progress("masks", done, len(visits))
        if key in store.committed():
            crossing.remember(key)  # another part may have made it since
        else:
            _tell(crossing.make(key), report)
    report.progress("masks", len(visits), len(visits))


def _crossing(video: Video, stages: Stages, store: TrackStore, settings: Settings) -> Crossing:
    return Crossing(video, stages, store, max_missed=settings.max_missed, max_frontier=settings.max_frontier)


def kept_shots(video: Video, store: TrackStore, step: Step, report: Report) -> list[Shot]:
    """The shots that the store keeps; they, and keyframes where much moves, are found first where it keeps none."""
    shots = store.shots()
    if shots is None:
        shots = find_shots(video, report=lambda done: report.progress("shots", done, len(video)))
        if step == AUTO:
            shots = with_more_keyframes(
                video, shots, report=lambda done: report.progress("keyframes", done, len(video))
            )
        store.keep_shots(shots)
        report.event("shots", found=len(shots))
    return shots


def _make(
    visits: Sequence[VisitKey],
    crossing: Crossing,
    store: TrackStore,
    spending: Spending,
    advance: Advance,
    partial: PartialResults,
    report: Report,
    *,
    ahead: bool,
) -> str | None:
    """Make the visits that are not in the store; return the limit that stopped it, None if all are made."""
    committed, n_frames = store.committed(), advance.n_frames
    for at, key in enumerate(visits):
        if key in committed and not ahead:
            continue
        left_s = advance.left_s(spending.spent())
        report.progress("frames", advance.n_done, n_frames, left_s)
        if limit := spending.limit_reached(visits_to_pay_for(visits, at)):
            report.event("budget met", limit=limit)
            store.discard(committed.intersection(visits[at:]) if ahead else ())
            return limit
        if advance.n_done and (seconds := partial.publish_if_due(left_s)) is not None:
            advance.published_in(seconds, spending.spent())
        if key in committed:
            spending.add(store.read(key))
            continue
        visit = crossing.make(key)
        spending.add(visit)
        advance.add(visit)
        left_s = advance.left_s(spending.spent())
        _tell(visit, report, frames_done=advance.n_done, left_s=None if left_s is None else round(left_s, 1))
    report.progress("frames", n_frames, n_frames, 0.0)
    return None


def _tell(visit: Visit, report: Report, **facts: int | float | None) -> None:
    key = visit.key
    report.event(
        "visit",
        round=key.round,
        direction=key.direction,
        start=key.start,
        stop=key.stop,
        masks=len(visit.masks),
        edges=len(visit.edges),
        frontier=len(visit.frontier),
        **facts,
        **{f"{stage}_s": round(seconds, 4) for stage, seconds in visit.seconds.items()},
    )
