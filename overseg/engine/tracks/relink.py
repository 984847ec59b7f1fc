"""Tracks decided anew from what a store holds, with another threshold and without any model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int32

from overseg.associate.shown import ShownRows
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.tracks import Tracks
from overseg.engine.tracks.grouping import Sightings, group
from overseg.engine.tracks.publish import linked, survey
from overseg.stages import Associator, Report
from overseg.store.result import Result
from overseg.store.zarr_store import ZarrStore


def relink(store: ZarrStore, result: Result, associator: Associator, settings: dict[str, Any], report: Report) -> None:
    """Decide the tracks of a store's current result anew, and publish them in its place.

    Args:
        store: open to be written.
        result: its current result.
        associator: decides.
        settings: the associator's, to be told in the summary.
        report: is told of every frame.
    """
    timestamps_s, shots = result.frames.timestamp_s, store.shots() or [Shot(0, len(result) - 1)]
    if store.final:
        tracks, track, n_rejoined = _resolve_result(result, associator, shots)
        edges, draft = result.edges, store.reassociate(track, n_tracks=len(tracks))
        keyframes = np.flatnonzero(result.frames.is_keyframe)
        tracks, frames = survey(timestamps_s, shots, tracks, keyframes, draft, report)
    else:
        resolution, tracks, frames = linked(timestamps_s, shots, associator, store, report)
        edges, n_rejoined = resolution.edges, resolution.n_rejoined
    summary = result.summary | {"n_rejoined": n_rejoined, "relinked": settings}
    store.publish(tracks=tracks, frames=frames, edges=edges, summary=summary, final=store.final)


def _resolve_result(
    result: Result, associator: Associator, shots: Sequence[Shot]
) -> tuple[Tracks, Int32[np.ndarray, " n"], int]:
    """The tracks of a complete result, all of whose rows are of the full round, the track of each row, and how many
    tracks were rejoined."""
    seen_on, seen = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    spans = [Spans.of_rows(seen[0], seen_on[0])]
    for frame in range(len(result)):
        rows = result.outline_at(frame)
        if result.frames.is_keyframe[frame]:
            seen_on.append(rows.frame)
            seen.append(rows.region)
        spans.append(Spans.of_rows(rows.region, rows.frame))
    sightings = Sightings(
        Spans.concatenate(spans).joined(),
        np.concatenate(seen_on),
        np.concatenate(seen),
        result.edges,
        result.appearances,
    )
    grouping = group(sightings, associator, shots)
    shown = ShownRows(sightings.spans.region, grouping.track)
    track = [np.zeros(0, np.int32), *(shown.show(result.outline_at(frame)) for frame in range(len(result)))]
    return shown.tracks(), np.concatenate(track), grouping.n_rejoined
