"""Writing the masks of a result from sorted rows, with an index by frame and by track."""

from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from overseg.store.column import Column
from overseg.store.columns import NO_TRACK, StoredRows, no_rows, to_arrays
from overseg.store.disk import DiskFolder
from overseg.store.zarr_tables import (
    CHUNK_ROWS,
    RLE_CHUNK_BYTES,
    RLE_SHARD_BYTES,
    GrowingColumn,
    new_group,
    write_column,
)


class MaskWriter:
    """Writes the groups `masks` and `association` of a new result. Its draft holds an empty zarr group.

    Memory holds incomplete chunks and shards, and at the end 4 bytes for each row.
    """

    def __init__(self, draft: Path, size: tuple[int, int], *, n_rows: int, n_frames: int, n_tracks: int) -> None:
        self._draft = draft
        self._masks, self._association = new_group(draft, "masks"), new_group(draft, "association")
        self._rows_per_frame = np.zeros(n_frames, np.int64)
        self._rows_per_track = np.zeros(n_tracks, np.int64)
        self._n_rle_bytes = 0
        self._chunk = min(max(n_rows, 1), CHUNK_ROWS)
        self._columns = {name: self._new_column(name, like) for name, like in to_arrays(no_rows(size)).items()}
        self._columns["rle_offsets"].append(np.zeros(1, np.int64))

    def append(self, rows: StoredRows) -> None:
        """Add rows. The rows of all calls together are sorted by (frame, region, source)."""
        np.add.at(self._rows_per_frame, rows.frame, 1)
        np.add.at(self._rows_per_track, rows.track[rows.track != NO_TRACK], 1)
        arrays = to_arrays(rows)
        arrays["rle_offsets"] = arrays["rle_offsets"][1:] + self._n_rle_bytes
        self._n_rle_bytes += len(arrays["rle_bytes"])
        for name, column in self._columns.items():
            column.append(arrays[name])

    def finish(self) -> None:
        """Write the rest, and the indices."""
        for column in self._columns.values():
            column.finish()
        write_column(self._masks, "frame_offsets", _offsets(self._rows_per_frame))
        _write_track_index(self._draft, self._association, self._rows_per_track)

    def _new_column(self, name: str, like: np.ndarray) -> GrowingColumn:
        if name == "rle_bytes":
            return GrowingColumn(self._masks, name, like, chunk=RLE_CHUNK_BYTES, shard=RLE_SHARD_BYTES)
        return GrowingColumn(self._association if name == "track" else self._masks, name, like, chunk=self._chunk)


def write_association(draft: Path, track: Int32[np.ndarray, " n"], *, n_tracks: int) -> None:
    """Write the group `association` of a draft that has its masks; track[i] is the track of row i."""
    association = new_group(draft, "association")
    write_column(association, "track", track)
    _write_track_index(draft, association, np.bincount(track[track != NO_TRACK], minlength=n_tracks))


def _write_track_index(draft: Path, association: Path, rows_per_track: Int64[np.ndarray, " t"]) -> None:
    """Write the index from tracks to rows; the column `track` exists."""
    track_offsets = _offsets(rows_per_track)
    write_column(association, "track_offsets", track_offsets)
    write_column(association, "rows", _rows_by_track(draft, track_offsets))


def _rows_by_track(draft: Path, track_offsets: Int64[np.ndarray, " o"]) -> Int32[np.ndarray, " k"]:
    """Row numbers grouped by track, ascending and so in frame order within each."""
    next_place = track_offsets[:-1].copy()
    by_track = np.zeros(track_offsets[-1], np.int32)
    start = 0
    for chunk in Column(DiskFolder(draft), "association/track").chunks():
        rows = np.argsort(chunk, kind="stable")
        rows = rows[chunk[rows] != NO_TRACK]
        tracks, first, count = np.unique(chunk[rows], return_index=True, return_counts=True)
        rank = np.arange(len(rows)) - np.repeat(first, count)
        by_track[np.repeat(next_place[tracks], count) + rank] = start + rows
        next_place[tracks] += count
        start += len(chunk)
    return by_track


def _offsets(counts: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " o"]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
