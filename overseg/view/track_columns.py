"""The columns of all tracks for the page's list, and what of them edits changed."""

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from jaxtyping import Int32

from overseg.edits.reading import tracks_between
from overseg.output.colours import track_colours
from overseg.store.result import Result

Columns = dict[str, np.ndarray]
"""One value for each track, by the page's name of the column."""

_MOST_KEPT = 4  # states of a store


class TrackColumns:
    """The columns of the latest states of a store. After an edit they take a while, as areas of unions are counted."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Result, Columns]] = OrderedDict()
        self._latest: Columns | None = None
        self._lock = threading.Lock()

    def of(self, revision: int, result: Result) -> Columns:
        """Return the columns of a result, whose number among the states of the store is `revision`."""
        with self._lock:
            if revision not in self._known:
                self._latest = columns_of(result)
                self._known[revision] = (result, self._latest)
                if len(self._known) > _MOST_KEPT:
                    self._known.popitem(last=False)
            return self._known[revision][1]

    def changes(self, since: int, revision: int, result: Result) -> dict[str, Any]:
        """Return the rows that differ from an earlier state, and the tracks with other masks; None if any may have."""
        after = self.of(revision, result)
        known = self._known.get(since)
        before = {name: column[:0] for name, column in after.items()} if known is None else known[1]
        masked = None if known is None else tracks_between(known[0], result)
        return {"rows": changed_rows(before, after), "masked": None if masked is None else sorted(masked)}

    def depth(self, revision: int, result: Result) -> Int32[np.ndarray, " t"]:
        """Return the depth of every track in the containment tree, of the latest state for which it is known."""
        depth: Int32[np.ndarray, " t"] = (self._latest or self.of(revision, result))["depth"]
        return np.concatenate([depth, np.zeros(max(0, result.n_tracks - len(depth)), depth.dtype)])


def columns_of(result: Result) -> Columns:
    """Return the columns of a result."""
    tracks = result.tracks
    return {
        "first": tracks.first_frame,
        "last": tracks.last_frame,
        "length": tracks.n_frames,
        "area": np.round(tracks.mean_area_px.astype(np.float64), 1),
        "score": np.round(tracks.mean_score.astype(np.float64), 3),
        "partOf": tracks.part_of,
        "depth": result.tree.depth,
    }


def changed_rows(before: Columns, after: Columns) -> dict[str, Any]:
    """Return the values of the tracks that differ, and their numbers as `track`."""
    n_before, n_after = len(before["first"]), len(after["first"])
    differs = np.ones(n_after, bool)
    if n_before <= n_after:  # tracks are never taken away, but a result without edits has fewer
        differs[:n_before] = np.any([before[name] != after[name][:n_before] for name in before], axis=0)
    rows = np.flatnonzero(differs)
    return {"track": rows.tolist(), **{name: column[rows].tolist() for name, column in after.items()}}


def names_of(result: Result) -> dict[str, list[str]]:
    """Return the name and category of each track that has one, by its number."""
    return {str(track): [one.name, one.category] for track, one in result.names.items()}


def colours_of(n_tracks: int) -> str:
    """Return the colours of the first tracks, six hex digits each."""
    return bytes(track_colours(np.arange(n_tracks))).hex()
