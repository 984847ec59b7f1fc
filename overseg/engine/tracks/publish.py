"""The end of a run: tracks are decided over the whole video and published with their masks."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from overseg.associate.containment import Containment
from overseg.data.budget import Spent
from overseg.data.shot import Shot
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import VisitKey
from overseg.engine.tracks.remaining import left_by
from overseg.engine.tracks.resolve import Resolution, resolve
from overseg.stages import Associator, Draft, Report, TrackStore, Video


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        limit: the limit of the budget that ended it, in words; None where all work was done.
        visits_left: visits of the full round that were not made.
        spent: over all runs on the store.
    """

    limit: str | None
    visits_left: frozenset[VisitKey]
    spent: Spent


def conclude(
    video: Video, shots: Sequence[Shot], associator: Associator, store: TrackStore, outcome: Outcome, report: Report
) -> None:
    """Decide the tracks over everything in the store and publish the result."""
    began = time.perf_counter()
    resolution, tracks, frames = linked(video.timestamps_s, shots, associator, store, report)
    height, width = video.info.size
    left = left_by(outcome.visits_left, store, resolution, frames, height * width)
    seconds = {**store.seconds(), "conclude": time.perf_counter() - began}
    summary = {
        "stop_reason": "complete" if outcome.limit is None else f"budget {outcome.limit}",
        "left_undone": left.in_words(height * width * len(video)) if left else None,
        "left": asdict(left) if left else None,
        "n_visits": len(store.committed()),
        "n_shots": len(shots),
        "n_keyframes": len(resolution.keyframes),
        "n_rejoined": resolution.n_rejoined,
        "work": round(outcome.spent.work, 1),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "seconds_total": round(outcome.spent.seconds + seconds["conclude"], 3),
    }
    store.publish(tracks=tracks, frames=frames, edges=resolution.edges, summary=summary, final=left is None)
    report.event("published", tracks=len(tracks), masks=int(frames.n_masks.sum()), limit=outcome.limit)


def linked(
    timestamps_s: Float64[np.ndarray, " f"],
    shots: Sequence[Shot],
    associator: Associator,
    store: TrackStore,
    report: Report,
) -> tuple[Resolution, Tracks, Frames]:
    """Decide the tracks over all visits, and bring their rows in order, ready to be published."""
    resolution = resolve(store, associator, shots)
    draft = store.compact(resolution.track_of)
    resolution.track_of.clear()  # the draft has it now; a long video has a number for every mask in it
    return resolution, *survey(timestamps_s, shots, resolution.tracks, resolution.keyframes, draft, report)


def survey(
    timestamps_s: Float64[np.ndarray, " f"],
    shots: Sequence[Shot],
    tracks: Tracks,
    keyframes: Int64[np.ndarray, " k"],
    draft: Draft,
    report: Report,
) -> tuple[Tracks, Frames]:
    """Go through the masks of every frame once: what contains what, and how much is covered."""
    containment, n_frames = Containment(tracks), len(timestamps_s)
    is_keyframe = np.zeros(n_frames, dtype=bool)
    is_keyframe[keyframes] = True
    n_masks, covered_px, mask_px = (np.zeros(n_frames, np.int32) for _ in range(3))
    for frame in range(n_frames):
        masks = draft.masks_at(frame)
        n_masks[frame] = len(masks)
        covered_px[frame] = masks.rles.union().area_px()[0]
        mask_px[frame] = masks.rles.area_px().sum()
        if is_keyframe[frame]:
            containment.add(frame, masks.track, masks.rles)
        report.progress("tracks", frame + 1, n_frames)
    shot = np.repeat(np.arange(len(shots), dtype=np.int32), [len(one) for one in shots])
    frames = Frames(timestamps_s, shot, is_keyframe, n_masks, covered_px, mask_px)
    return replace(tracks, part_of=containment.part_of()), frames
