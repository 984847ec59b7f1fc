"""The end of a run: tracks are decided over the whole video and published with their masks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from overseg.associate.containment import Containment
from overseg.data.budget import Spent
from overseg.data.shot import Shot
from overseg.data.tracks import Frames, Tracks
from overseg.engine.resolve import NO_ROUND, Resolution, resolve
from overseg.engine.schedule import FULL
from overseg.stages import Associator, Draft, Report, TrackStore, Video


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        limit: the limit of the budget that ended it, in words; None where all work was done.
        n_visits_left: visits of the full round that were not made.
        spent: over all runs on the store.
    """

    limit: str | None
    n_visits_left: int
    spent: Spent


def conclude(
    video: Video, shots: Sequence[Shot], associator: Associator, store: TrackStore, outcome: Outcome, report: Report
) -> None:
    """Decide the tracks over everything in the store and publish the result."""
    began = time.perf_counter()
    resolution = resolve(store, associator, len(video))
    draft = store.compact(resolution.track_of)
    resolution.track_of.clear()  # the draft has it now; a long video has a number for every mask in it
    tracks, frames = survey(video.timestamps_s, shots, resolution.tracks, resolution.keyframes, draft, report)
    seconds = {**store.seconds(), "conclude": time.perf_counter() - began}
    summary = {
        "stop_reason": "complete" if outcome.limit is None else f"budget {outcome.limit}",
        "left_undone": _left_undone(resolution, outcome),
        "n_shots": len(shots),
        "n_keyframes": len(resolution.keyframes),
        "work": round(outcome.spent.work, 1),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "seconds_total": round(outcome.spent.seconds + seconds["conclude"], 3),
    }
    final = outcome.n_visits_left == 0
    store.publish(tracks=tracks, frames=frames, edges=resolution.edges, summary=summary, final=final)
    report.event("published", tracks=len(tracks), masks=int(frames.n_masks.sum()), limit=outcome.limit)


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


def _left_undone(resolution: Resolution, outcome: Outcome) -> str | None:
    """What a larger budget would still do, in words; None where nothing is left."""
    if not outcome.n_visits_left:
        return None
    n_preview = int(np.count_nonzero((resolution.rounds != FULL) & (resolution.rounds != NO_ROUND)))
    n_unseen = int(np.count_nonzero(resolution.rounds == NO_ROUND))
    return (
        f"{outcome.n_visits_left} visits to clips; {n_preview} frames have masks of a coarse preview only, "
        f"{n_unseen} none; run again with a larger budget to go on"
    )
