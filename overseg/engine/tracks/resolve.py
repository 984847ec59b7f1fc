"""From committed visits to tracks: which round a frame shows, which regions are one track, which rows are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from overseg.associate.shown import ShownRows
from overseg.data.appearances import Appearances
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.tracks import Tracks
from overseg.data.visit import Edges, VisitKey
from overseg.engine.tracks.frame_rounds import FrameRounds, frame_rounds, keyframes_made_by
from overseg.engine.tracks.grouping import Sightings, group
from overseg.engine.tracks.joints import joint_edges
from overseg.engine.tracks.row_tracks import TrackOf, row_tracks
from overseg.engine.tracks.seams import seam_edges
from overseg.stages import Associator, TrackStore


@dataclass(frozen=True)
class Resolution:
    """Tracks over the visits made so far.

    Attributes:
        track_of: for every visit that is part of the result, the track of each of its rows; -1 for rows not shown.
        tracks: the tracks, ordered by their first keyframe mask; part_of is still -1 everywhere.
        n_rejoined: as in Grouping.
        edges: all edges of the result.
        keyframes: frames on which masks were generated, ascending.
        rounds: for every frame the round that it shows; NO_ROUND for a frame without a visit.
    """

    track_of: TrackOf
    tracks: Tracks
    n_rejoined: int
    edges: Edges
    keyframes: Int64[np.ndarray, " k"]
    rounds: FrameRounds


def resolve(store: TrackStore, associator: Associator, shots: Sequence[Shot]) -> Resolution:
    """Decide the tracks from all visits in the store; the order in which they were made does not change the result.

    Every frame shows the finest round that visited it. On the keyframes of finer rounds, the masks of coarser rounds
    are matched too, so that tracks continue where one round adjoins another. Where two stretches of a shot meet, what
    was propagated from both sides is matched.
    """
    committed = sorted(store.committed())
    rounds = frame_rounds(committed, sum(map(len, shots)))
    keys = [key for key in committed if (rounds[key.start : key.stop + 1] == key.round).any()]
    sightings, keyframes = _sightings(store, keys, rounds)
    seams = seam_edges(store, associator, committed, rounds, sightings.spans.region, keyframes)
    joints = joint_edges(store, associator, committed, rounds)
    sightings = replace(sightings, edges=Edges.concatenate([sightings.edges, *seams, *joints]))
    grouping = group(sightings, associator, shots)
    shown = ShownRows(sightings.spans.region, grouping.track)
    track_of = row_tracks(store, keys, rounds, shown)
    return Resolution(track_of, shown.tracks(), grouping.n_rejoined, sightings.edges, keyframes, rounds)


def _sightings(
    store: TrackStore, keys: Sequence[VisitKey], rounds: FrameRounds
) -> tuple[Sightings, Int64[np.ndarray, " k"]]:
    """What these visits found on the frames that show them, and the keyframes whose masks they generated."""
    seen_on, seen = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    spans, all_edges, appearances, keyframes = [Spans.of_rows(seen[0], seen_on[0])], [], [Appearances.empty()], set()
    for key in keys:
        rows, edges = store.outline(key)
        is_shown = rounds[rows.frame] == key.round
        at_end = is_shown & ((rows.frame == key.start) | (rows.frame == key.stop))
        spans.append(Spans.of_rows(rows.region[is_shown], rows.frame[is_shown]))
        seen_on.append(rows.frame[at_end])
        seen.append(rows.region[at_end])
        keyframes |= keyframes_made_by(key, rounds)
        all_edges.append(edges)
        appearances.append(store.appearances(key))
    of_regions = Appearances.concatenate(appearances)
    sightings = Sightings(
        spans=Spans.concatenate(spans).joined(),
        seen_on=np.concatenate(seen_on),
        seen=np.concatenate(seen),
        edges=Edges.concatenate(all_edges),
        appearances=of_regions.take(np.argsort(of_regions.region, kind="stable")),
    )
    return sightings, np.array(sorted(keyframes), dtype=np.int64)
