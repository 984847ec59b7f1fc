"""From regions to tracks: overlapping regions are linked, and re-identified ones are joined."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.appearances import Appearances
from overseg.data.masks import keyframe_of
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.visit import Edges
from overseg.stages import Associator


@dataclass(frozen=True)
class Sightings:
    """The input of association.

    Attributes:
        spans: regions with a mask in the result, ascending, each once.
        seen_on, seen: region seen[i] has a mask on keyframe seen_on[i].
        edges: the overlaps between regions.
        appearances: the appearance embeddings of regions, ordered by region.
    """

    spans: Spans
    seen_on: Int32[np.ndarray, " s"]
    seen: Int64[np.ndarray, " s"]
    edges: Edges
    appearances: Appearances


@dataclass(frozen=True)
class Grouping:
    """Tracks of regions.

    Attributes:
        track: the track of every region, from 0 without gaps, ordered by the tracks' smallest regions.
        n_rejoined: number of joins by re-identification, between tracks that share no edge.
    """

    track: Int32[np.ndarray, " r"]
    n_rejoined: int


def group(sightings: Sightings, associator: Associator, shots: Sequence[Shot]) -> Grouping:
    """Decide which regions are one track. No track is in two shots."""
    spans = sightings.spans
    groups = associator.link(spans.region, sightings.edges, sightings.seen_on, sightings.seen)
    n_linked = len(np.unique(groups))
    for shot in shots:
        rows, appearances = _within(shot, spans.region), _within(shot, sightings.appearances.region)
        groups[rows] = associator.reidentify(groups[rows], spans.take(rows), sightings.appearances.take(appearances))
    found, track = np.unique(groups, return_inverse=True)
    return Grouping(track.astype(np.int32), n_linked - len(found))


def _within(shot: Shot, regions: Int64[np.ndarray, " r"]) -> Int64[np.ndarray, " k"]:
    """The row numbers of a shot's regions; `regions` is ascending."""
    start, stop = np.searchsorted(keyframe_of(regions), [shot.start, shot.stop + 1])
    return np.arange(start, stop)
