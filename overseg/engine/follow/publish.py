"""The end of following objects: a track of each that is seen, published with its masks."""

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
from overseg.data.visit import Edges, Outline
from overseg.engine.follow.followed import object_of
from overseg.engine.tracks.publish import survey
from overseg.stages import Report, TrackStore, Video


def publish_objects(
    video: Video,
    store: TrackStore,
    *,
    names: Sequence[TrackName],
    shots: Sequence[Shot],
    found: Sequence[dict[str, Any]],
    began: float,
    report: Report,
) -> None:
    """Make one track of each object that is seen, in the order in which they were named.

    Args:
        video: where they were followed.
        store: holds visits of all frames.
        names: of all objects, by number.
        shots: the sub-sequences; those in which nothing was prompted are told as bridged.
        found: what a detector prompted with, ready for JSON.
        began: time.perf_counter() when the work began.
        report: is told of every frame.
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
    draft = store.compact(track_of)
    keyframes = np.unique(np.concatenate(prompted)).astype(np.int64)
    whole = [Shot(0, len(video) - 1)]
    tracks, frames = survey(video.timestamps_s, whole, shown.tracks(), keyframes, draft, report)
    bridged = [[shot.start, shot.stop] for shot in shots if not frames.is_keyframe[shot.start : shot.stop + 1].any()]
    summary = {
        "stop_reason": "complete",
        "left_undone": None,
        "n_shots": len(whole),
        "n_keyframes": len(keyframes),
        "work": 0.0,
        "seconds": {stage: round(spent, 3) for stage, spent in store.seconds().items()},
        "seconds_total": round(time.perf_counter() - began, 3),
        **({"bridged": bridged, "detections": list(found)} if len(shots) > 1 or found else {}),
    }
    named = {number: names[one] for number, one in enumerate(seen.tolist())}
    store.publish(tracks=tracks, frames=frames, edges=Edges.empty(), summary=summary, final=True, names=named)
    for line in _unseen(names, seen):
        report.event("remark", line=line)
    report.event("published", tracks=len(tracks), masks=int(frames.n_masks.sum()))


def _unseen(names: Sequence[TrackName], seen: Int64[np.ndarray, " s"]) -> Iterator[str]:
    """What to tell where something that was asked for has no mask at all."""
    missing = [names[number].name for number in range(len(names)) if number not in seen]
    if missing:
        yield (
            f"nothing is seen of {', '.join(missing)}, on any frame: check the box or the points, or lower "
            "--mask-threshold or --min-area"
        )


def _by_frame(rows: Outline) -> Iterator[Outline]:
    """The rows of each frame that has one; they come ordered by frame."""
    starts = [*np.flatnonzero(np.diff(rows.frame, prepend=-1)).tolist(), len(rows.frame)]
    for start, stop in pairwise(starts):
        yield rows.cut(slice(start, stop))
