"""The end of following objects: one track for each object that is seen, published with its masks."""

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int64

from overseg.associate.shown import ShownRows
from overseg.data.masks import Source
from overseg.data.shot import Shot
from overseg.data.track_names import TrackName
from overseg.data.tracks import Frames
from overseg.data.visit import Edges, Outline, VisitKey
from overseg.engine.follow.followed import object_of
from overseg.engine.tracks.publish import Summary, Timeline, publish
from overseg.stages import Report, TrackStore, Video


def publish_objects(
    video: Video,
    store: TrackStore,
    *,
    names: Sequence[TrackName],
    shots: Sequence[Shot],
    found: Sequence[dict[str, Any]],
    began: float,
    stopped: str | None = None,
    report: Report,
) -> None:
    """Make one track of each object that is seen, in the order of the objects' numbers, and publish them.

    Args:
        video: where they were followed.
        store: holds visits of all frames, or of some of them for a partial result.
        names: of all objects, by number.
        shots: the sub-sequences. Those without a prompt are listed as bridged in the summary.
        found: the detections that were used as prompts, ready for JSON.
        began: time.perf_counter() when the work began.
        stopped: "running" or "interrupted" for a partial result; None at the end.
        report: receives progress and events.
    """
    keys = sorted(store.committed())
    outlines = [store.outline(key)[0] for key in keys]
    regions = np.unique(np.concatenate([np.zeros(0, np.int64), *(rows.region for rows in outlines)]))
    seen = np.unique(object_of(regions))
    shown = ShownRows(regions, np.searchsorted(seen, object_of(regions)).astype(np.int32))
    track_of, prompted = {}, [np.zeros(0, np.int32)]
    for key, rows in zip(keys, outlines, strict=True):
        track_of[key] = np.concatenate([np.zeros(0, np.int32), *(shown.show(frame) for frame in _by_frame(rows))])
        prompted.append(rows.frame[rows.source == Source.KEYFRAME])
    tracks, frames = publish(
        store,
        store.compact(track_of),
        Timeline(video.timestamps_s, [Shot(0, len(video) - 1)]),
        tracks=shown.tracks(),
        keyframes=np.unique(np.concatenate(prompted)).astype(np.int64),
        edges=Edges.empty(),
        names={number: names[one] for number, one in enumerate(seen.tolist())},
        summarize=lambda frames: Summary(
            _facts(frames, store, shots, found, began=began) | _state(stopped, keys, len(frames)), final=stopped is None
        ),
        report=report,
    )
    for line in _unseen(names, seen) if stopped is None else ():
        report.event("remark", line=line)
    report.event("published", tracks=len(tracks), masks=int(frames.n_masks.sum()))


def _facts(
    frames: Frames, store: TrackStore, shots: Sequence[Shot], found: Sequence[dict[str, Any]], *, began: float
) -> dict[str, Any]:
    bridged = [[shot.start, shot.stop] for shot in shots if not frames.is_keyframe[shot.start : shot.stop + 1].any()]
    return {
        "n_shots": 1,
        "n_keyframes": int(frames.is_keyframe.sum()),
        "work": 0.0,
        "seconds": {stage: round(spent, 3) for stage, spent in store.seconds().items()},
        "seconds_total": round(time.perf_counter() - began, 3),
        **({"bridged": bridged, "detections": list(found)} if len(shots) > 1 or found else {}),
    }


def _state(stopped: str | None, keys: Sequence[VisitKey], n_frames: int) -> dict[str, Any]:
    """What ended the work, and what is left."""
    n_left = n_frames - sum(key.stop - key.start + 1 for key in keys)
    left = f"{n_left} of {n_frames} frames; run the same command again to continue"
    return {"stop_reason": stopped or "complete", "left_undone": left if stopped else None}


def _unseen(names: Sequence[TrackName], seen: Int64[np.ndarray, " s"]) -> Iterator[str]:
    """A remark on the objects that have no mask at all, if there are any."""
    missing = [names[number].name for number in range(len(names)) if number not in seen]
    if missing:
        yield (
            f"nothing is seen of {', '.join(missing)}, on any frame: check the box or the points, or lower "
            "--mask-threshold or --min-area"
        )


def _by_frame(rows: Outline) -> Iterator[Outline]:
    """The rows of each frame that has one; `rows` is ordered by frame."""
    starts = [*np.flatnonzero(np.diff(rows.frame, prepend=-1)).tolist(), len(rows.frame)]
    for start, stop in pairwise(starts):
        yield rows.cut(slice(start, stop))
