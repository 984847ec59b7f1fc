"""Following prompted objects through a video, and a result of what came of it."""

import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from overseg.associate.shown import ShownRows
from overseg.data.masks import Source
from overseg.data.prompts import ObjectMasks
from overseg.data.shot import Shot
from overseg.data.track_names import TrackName
from overseg.data.visit import Edges, Outline
from overseg.engine.conclude import survey
from overseg.engine.followed import Followed, object_of, regions_of
from overseg.prompts.objects import PromptedObjects
from overseg.stages import PromptedPropagator, Report, TrackStore, Video


def track(
    video: Video,
    propagator: PromptedPropagator,
    objects: PromptedObjects,
    store: TrackStore,
    *,
    min_area_px: int,
    report: Report,
) -> None:
    """Follow objects through the whole video, across cuts, and publish a track for each that is seen.

    Memory does not grow with the video: masks are encoded when they come, and committed some frames at a time.

    Args:
        video: what to follow them through.
        propagator: follows them.
        objects: what to follow; at least one.
        store: may hold visits of an earlier call with the same arguments, which are not written again.
        min_area_px: smaller masks are left out.
        report: is told of every frame.
    """
    began = time.perf_counter()
    whole = Shot(0, len(video) - 1)
    followed = Followed(objects.prompts, regions_of(objects.prompts), min_area_px=min_area_px)
    committed = store.committed()
    for visit in followed.visits(_reported(propagator.follow(video, objects.prompts, whole), len(video), report)):
        if visit.key not in committed:
            store.commit(visit)
    _publish(video, store, objects.names, report, began)


def _reported(found: Iterator[ObjectMasks], n_frames: int, report: Report) -> Iterator[ObjectMasks]:
    for done, masks in enumerate(found, start=1):
        report.progress("track", done, n_frames)
        yield masks


def _publish(video: Video, store: TrackStore, names: tuple[TrackName, ...], report: Report, began: float) -> None:
    """Make one track of each object that is seen, in the order in which they were named."""
    outlines = [store.outline(key)[0] for key in sorted(store.committed())]
    regions = np.unique(np.concatenate([np.zeros(0, np.int64), *(rows.region for rows in outlines)]))
    seen = np.unique(object_of(regions))
    track_of_region = np.searchsorted(seen, object_of(regions)).astype(np.int32)
    shown, keyframes = ShownRows(regions, track_of_region), [np.zeros(0, np.int32)]
    track_of = {}
    for key, rows in zip(sorted(store.committed()), outlines, strict=True):
        track_of[key] = np.concatenate([np.zeros(0, np.int32), *(shown.show(frame) for frame in _by_frame(rows))])
        keyframes.append(rows.frame[rows.source == Source.KEYFRAME])
    draft = store.compact(track_of)
    prompted = np.unique(np.concatenate(keyframes)).astype(np.int64)
    shots = [Shot(0, len(video) - 1)]
    tracks, frames = survey(video.timestamps_s, shots, shown.tracks(), prompted, draft, report)
    seconds = store.seconds()
    store.publish(
        tracks=tracks,
        frames=frames,
        edges=Edges.empty(),
        summary={
            "stop_reason": "complete",
            "left_undone": None,
            "n_shots": len(shots),
            "n_keyframes": len(prompted),
            "work": 0.0,
            "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
            "seconds_total": round(time.perf_counter() - began, 3),
        },
        final=True,
        names={number: names[one] for number, one in enumerate(seen.tolist())},
    )
    report.event("published", tracks=len(tracks), masks=int(frames.n_masks.sum()))


def _by_frame(rows: Outline) -> Iterator[Outline]:
    """The rows of each frame that has one; they come ordered by frame."""
    starts = [*np.flatnonzero(np.diff(rows.frame, prepend=-1)).tolist(), len(rows.frame)]
    for start, stop in pairwise(starts):
        yield rows.cut(slice(start, stop))
