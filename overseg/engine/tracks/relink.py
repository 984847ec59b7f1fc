"""Deciding the tracks of a stored result again, with other settings of the associator and without any model."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32

from overseg.associate.shown import ShownRows
from overseg.data.appearances import Appearances
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Edges, Outline
from overseg.engine.tracks.grouping import Sightings, group
from overseg.engine.tracks.publish import Summary, Timeline, publish, publish_visits
from overseg.engine.tracks.resolve import Resolution
from overseg.stages import Associator, MasksByFrame, Report, TrackStore


@runtime_checkable
class PublishedResult(Protocol):
    """A store's current result."""

    @property
    def summary(self) -> dict[str, Any]: ...

    @property
    def frames(self) -> Frames: ...

    @property
    def edges(self) -> Edges: ...

    @property
    def appearances(self) -> Appearances: ...

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def outline_at(self, frame: int) -> Outline:
        """All rows of a frame, ordered by region, without their masks."""
        ...


@runtime_checkable
class ResultStore(TrackStore, Protocol):
    """A store that can give the rows of its current result other tracks."""

    @property
    def final(self) -> bool:
        """Whether the current result is final. Its visits are gone then."""
        ...

    def reassociate(self, track: Int32[np.ndarray, " n"], *, n_tracks: int) -> MasksByFrame:
        """Draft the current result with other tracks: track[i] is the track of row i, -1 for none."""
        ...


def relink_tracks(
    store: ResultStore, result: PublishedResult, associator: Associator, settings: dict[str, Any], report: Report
) -> None:
    """Decide the tracks of a store's current result again, and publish them in its place.

    Args:
        store: open for writing.
        result: its current result.
        associator: decides.
        settings: the associator's, for the summary.
        report: receives the progress.
    """
    timeline = Timeline(result.frames.timestamp_s, store.shots() or [Shot(0, len(result) - 1)])

    def summary(n_rejoined: int) -> Summary:
        return Summary(result.summary | {"n_rejoined": n_rejoined, "relinked": settings}, final=store.final)

    if not store.final:

        def summarize(resolution: Resolution, frames: Frames) -> Summary:
            return summary(resolution.n_rejoined)

        publish_visits(store, associator, timeline, summarize=summarize, report=report)
        return
    tracks, track, n_rejoined = _resolve_result(result, associator, timeline.shots)
    publish(
        store,
        store.reassociate(track, n_tracks=len(tracks)),
        timeline,
        tracks=tracks,
        keyframes=np.flatnonzero(result.frames.is_keyframe),
        edges=result.edges,
        summarize=lambda frames: summary(n_rejoined),
        report=report,
    )


def _resolve_result(
    result: PublishedResult, associator: Associator, shots: Sequence[Shot]
) -> tuple[Tracks, Int32[np.ndarray, " n"], int]:
    """The tracks of a final result, the track of each row, and how many tracks were rejoined.

    All rows of a final result belong to the full round.
    """
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
