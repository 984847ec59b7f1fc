"""The stored terminations of a result's masklets, and the track of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.masklets import End
from overseg.data.terminations import Terminations, TrackTerminations
from overseg.store.column import Column
from overseg.store.columns import NO_TRACK
from overseg.store.disk import DiskFolder
from overseg.store.folder import Folder
from overseg.store.zarr_tables import write_stream

_TRACK = "ending_track"  # in the group `association`: `relink` writes it again and links the others


def termination_columns(result: Folder) -> dict[str, Column]:
    """The stored columns of TrackTerminations by name."""
    stored = {f.name: f"endings/{f.name}" for f in fields(Terminations)}
    paths = stored | {"track": f"association/{_TRACK}"}
    return {f.name: Column(result, paths[f.name]) for f in fields(TrackTerminations)}


def read_terminations(result: Folder, track: int | None = None) -> TrackTerminations:
    """The terminations of all masklets of a result, or of those of a track."""
    columns = termination_columns(result)
    parts = [TrackTerminations(**{name: column.rows(0, 0) for name, column in columns.items()})]
    for chunks in zip(*(column.chunks() for column in columns.values()), strict=True):
        rows = TrackTerminations(*chunks)
        parts.append(rows if track is None else rows.take(rows.track == track))
    return TrackTerminations.concatenate(parts)


def count_ends(result: Folder) -> dict[str, int]:
    """Number of masklets by termination reason."""
    count = sum((Counter(chunk.tolist()) for chunk in Column(result, "endings/end").chunks()), Counter[int]())
    return {end.name.lower(): count[end] for end in End}


def write_termination_tracks(draft: Path) -> None:
    """Add the track of every masklet to a draft that has the groups `masks`, `association` and `endings`."""
    result = DiskFolder(draft)
    regions, tracks = (np.append(column, column.dtype.type(NO_TRACK)) for column in region_tracks(result))

    def parts() -> Iterator[dict[str, np.ndarray]]:
        for region in Column(result, "endings/region").chunks():
            place = np.searchsorted(regions[:-1], region)
            yield {_TRACK: np.where(regions[place] == region, tracks[place], tracks[-1])}

    write_stream(draft / "association", {_TRACK: np.zeros(0, np.int32)}, parts())


def region_tracks(result: Folder) -> tuple[Int64[np.ndarray, " r"], Int32[np.ndarray, " r"]]:
    """The regions with a mask in a track, ascending, and the track of each. Memory holds some bytes per region."""
    regions, tracks = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    columns = (Column(result, path).chunks() for path in ("masks/region", "association/track"))
    for region, track in zip(*columns, strict=True):
        seen = np.flatnonzero(track != NO_TRACK)
        found, first = np.unique(region[seen], return_index=True)
        regions.append(found)
        tracks.append(track[seen[first]])
    found, first = np.unique(np.concatenate(regions), return_index=True)
    return found, np.concatenate(tracks)[first]
