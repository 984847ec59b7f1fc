"""The columns of all tracks for the page's list, and what of them an edit changed."""

from typing import Any

import numpy as np

from overseg.output.colours import track_colours
from overseg.store.result import Result

Columns = dict[str, np.ndarray]
"""One value for each track, by the page's name of the column."""


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
