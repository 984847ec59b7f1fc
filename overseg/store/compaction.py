"""From the parts of a run, in whatever order they were made, to one table of masks sorted by frame."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from overseg.data.visit import VisitKey
from overseg.store.columns import NO_TRACK, StoredRows, no_rows, to_table
from overseg.store.mask_writer import MaskWriter
from overseg.store.part import part_name, read_mask_arrays

TrackOf = Mapping[VisitKey, Int32[np.ndarray, " n"]]


def write_masks(folder: Path, *, parts: Path, track_of: TrackOf, size: tuple[int, int], n_frames: int) -> None:
    """Write the groups `masks` and `association` of a new result, whose folder holds a zarr group.

    Memory holds the rows of the visits that overlap in time, what is not yet a whole chunk, and a few bytes a row.
    """
    writer = MaskWriter(
        folder,
        size,
        n_rows=sum(len(tracks) for tracks in track_of.values()),
        n_frames=n_frames,
        n_tracks=1 + max((int(tracks.max(initial=NO_TRACK)) for tracks in track_of.values()), default=NO_TRACK),
    )
    for rows in _sorted_rows(parts, track_of, size):
        writer.append(rows)
    writer.finish()


def _sorted_rows(parts: Path, track_of: TrackOf, size: tuple[int, int]) -> Iterator[StoredRows]:
    """All rows by (frame, region, source), a few at a time; equal ones in the order of their visits' file names."""
    keys = sorted(track_of, key=part_name)
    pending = no_rows(size)
    for key, after in zip_longest(keys, keys[1:]):
        pending = StoredRows.concatenate([pending, _read_rows(parts, key, track_of, size)])
        if after is not None and after.start == key.start:
            continue
        complete = np.ones(len(pending), bool) if after is None else pending.frame < after.start
        yield _in_order(pending.take(complete))
        pending = pending.take(~complete)


def _read_rows(parts: Path, key: VisitKey, track_of: TrackOf, size: tuple[int, int]) -> StoredRows:
    arrays, track = read_mask_arrays(parts / part_name(key)), track_of[key]
    if len(track) != len(arrays["frame"]):
        raise ValueError(f"expected a track for each of the {len(arrays['frame'])} rows of {key}, got {len(track)}")
    return to_table(StoredRows, arrays | {"track": track.astype(np.int32)}, size)


def _in_order(rows: StoredRows) -> StoredRows:
    return rows.take(np.lexsort((rows.source, rows.region, rows.frame)))
