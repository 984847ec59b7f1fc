"""Tracks decided anew from what a store holds, with another threshold and without any model."""

import numpy as np
from jaxtyping import Int32

from overseg.associate.shown import ShownRows
from overseg.data.shot import Shot
from overseg.data.tracks import Tracks
from overseg.engine.conclude import survey
from overseg.engine.resolve import resolve
from overseg.stages import Associator, Report
from overseg.store.result import Result
from overseg.store.zarr_store import ZarrStore


def relink(store: ZarrStore, result: Result, associator: Associator, *, match_iou: float, report: Report) -> None:
    """Decide the tracks of a store's current result anew, and publish them in its place.

    Args:
        store: open to be written.
        result: its current result.
        associator: decides.
        match_iou: the associator's, to be told in the summary.
        report: is told of every frame.
    """
    timestamps_s, keyframes = result.frames.timestamp_s, np.flatnonzero(result.frames.is_keyframe)
    shots = store.shots() or [Shot(0, len(result) - 1)]
    if store.final:
        tracks, track = _resolve_result(result, associator)
        edges, draft = result.edges, store.reassociate(track, n_tracks=len(tracks))
    else:
        resolution = resolve(store, associator, len(result))
        tracks, edges, draft = resolution.tracks, resolution.edges, store.compact(resolution.track_of)
        keyframes = resolution.keyframes
    tracks, frames = survey(timestamps_s, shots, tracks, keyframes, draft, report)
    summary = result.summary | {"relinked": {"match_iou": match_iou}}
    store.publish(tracks=tracks, frames=frames, edges=edges, summary=summary, final=store.final)


def _resolve_result(result: Result, associator: Associator) -> tuple[Tracks, Int32[np.ndarray, " n"]]:
    """The tracks of a complete result, all of whose rows are of the full round, and the track of each row."""
    found, seen_on, seen = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for frame in range(len(result)):
        rows = result.outline_at(frame)
        if result.frames.is_keyframe[frame]:
            seen_on.append(rows.frame)
            seen.append(rows.region)
        found.append(np.unique(rows.region))
    regions = np.unique(np.concatenate(found))
    groups = associator.link(regions, result.edges, np.concatenate(seen_on), np.concatenate(seen))
    track_of_region = np.unique(groups, return_inverse=True)[1].astype(np.int32)
    shown = ShownRows(regions, track_of_region)
    track = [np.zeros(0, np.int32), *(shown.show(result.outline_at(frame)) for frame in range(len(result)))]
    return shown.tracks(), np.concatenate(track)
