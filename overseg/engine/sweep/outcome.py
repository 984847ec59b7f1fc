"""The end of a run: what stopped it, what it left undone, and the result that it publishes."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from overseg.data.budget import Spent
from overseg.data.shot import Shot
from overseg.data.tracks import Frames
from overseg.data.visit import VisitKey
from overseg.engine.sweep.remaining import left_by
from overseg.engine.tracks.publish import Summary, Timeline, publish_visits
from overseg.engine.tracks.resolve import Resolution
from overseg.stages import Associator, Report, TrackStore, Video


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        limit: the limit of the budget that stopped it, in words; None if none did.
        visits_left: visits of the full round that were not made.
        spent: over all runs on the store.
        stopped: "running" or "interrupted" for a partial result; None at the end of a run.
    """

    limit: str | None
    visits_left: frozenset[VisitKey]
    spent: Spent
    stopped: str | None = None

    @property
    def stop_reason(self) -> str:
        """What ended the run, in words."""
        return self.stopped or ("complete" if self.limit is None else f"budget {self.limit}")


def publish_run(
    video: Video, shots: Sequence[Shot], associator: Associator, store: TrackStore, outcome: Outcome, report: Report
) -> None:
    """Decide the tracks over everything in the store, and publish the result of a run."""
    began = time.perf_counter()

    def summarize(resolution: Resolution, frames: Frames) -> Summary:
        return _summary(video, len(shots), store, outcome, resolution, frames, began=began)

    tracks, frames = publish_visits(
        store, associator, Timeline(video.timestamps_s, shots), summarize=summarize, report=report
    )
    report.event("published", tracks=len(tracks), masks=int(frames.n_masks.sum()), limit=outcome.limit)


def _summary(
    video: Video,
    n_shots: int,
    store: TrackStore,
    outcome: Outcome,
    resolution: Resolution,
    frames: Frames,
    *,
    began: float,
) -> Summary:
    height, width = video.info.size
    n_px = height * width * len(video)
    left = left_by(outcome.visits_left, store, resolution, frames, height * width)
    seconds = {**store.seconds(), "conclude": time.perf_counter() - began}
    facts = {
        "stop_reason": outcome.stop_reason,
        "left_undone": left.in_words(n_px, by_budget=outcome.limit is not None) if left else None,
        "left": asdict(left) if left else None,
        "n_visits": len(store.committed()),
        "n_shots": n_shots,
        "n_keyframes": len(resolution.keyframes),
        "n_rejoined": resolution.n_rejoined,
        "work": round(outcome.spent.work, 1),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "seconds_total": round(outcome.spent.seconds + seconds["conclude"], 3),
    }
    return Summary(facts, final=left is None)
