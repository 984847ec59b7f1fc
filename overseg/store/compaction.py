"""From the parts of a run, in any order, to tables of a result that are sorted by frame."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Int32

from overseg.data.appearances import Appearances
from overseg.data.columns import Columns
from overseg.data.terminations import Terminations
from overseg.data.visit import VisitKey
from overseg.store.columns import NO_TRACK, StoredRows, to_arrays, to_table
from overseg.store.folder import Folder
from overseg.store.mask_writer import MaskWriter
from overseg.store.part import part_name, read_appearances, read_mask_arrays, read_terminations
from overseg.store.zarr_tables import new_group, write_stream, write_table

Table = TypeVar("Table", bound=Columns)
TrackOf = Mapping[VisitKey, Int32[np.ndarray, " n"]]


def write_masks(draft: Path, *, parts: Folder, track_of: TrackOf, size: tuple[int, int], n_frames: int) -> None:
    """Write the groups `masks` and `association` of a new result. Its draft holds a zarr group.

    Memory holds the rows of visits that overlap in time, one incomplete chunk, and a few bytes for each row.
    """
    writer = MaskWriter(
        draft,
        size,
        n_rows=sum(len(tracks) for tracks in track_of.values()),
        n_frames=n_frames,
        n_tracks=1 + max((int(tracks.max(initial=NO_TRACK)) for tracks in track_of.values()), default=NO_TRACK),
    )
    for rows in _sorted_rows(track_of, lambda key: _read_rows(parts, key, track_of, size), frame="frame"):
        writer.append(rows)
    writer.finish()


def write_terminations(draft: Path, *, parts: Folder, keys: Iterable[VisitKey]) -> None:
    """Write the group `endings` of a new result. Memory is bounded in the same way."""
    terminations = _sorted_rows(keys, lambda key: read_terminations(parts, key), frame="from_frame")
    write_stream(new_group(draft, "endings"), to_arrays(Terminations.empty()), map(to_arrays, terminations))


def write_appearances(draft: Path, *, parts: Folder, keys: Iterable[VisitKey]) -> None:
    """Write the group `looks` of a new result. Memory holds all of it, about 90 bytes for each region."""
    appearances = Appearances.concatenate([Appearances.empty(), *(read_appearances(parts, key) for key in keys)])
    write_table(draft, "looks", appearances.take(np.argsort(appearances.region, kind="stable")))


def _sorted_rows(visits: Iterable[VisitKey], read: Callable[[VisitKey], Table], *, frame: str) -> Iterator[Table]:
    """All rows sorted by (frame, region, source), some at a time; equal rows in the order of their parts' names.

    Args:
        visits: the visits.
        read: reads the rows of a visit; none is on a frame before the visit's first.
        frame: name of the column to sort by.
    """
    keys = sorted(visits, key=part_name)
    pending: list[Table] = []
    for key, after in zip_longest(keys, keys[1:]):
        pending.append(read(key))
        if after is not None and after.start == key.start:
            continue
        rows = type(pending[0]).concatenate(pending)
        complete = np.ones(len(rows), bool) if after is None else getattr(rows, frame) < after.start
        yield _in_order(rows.take(complete), frame)
        pending = [rows.take(~complete)]


def _read_rows(parts: Folder, key: VisitKey, track_of: TrackOf, size: tuple[int, int]) -> StoredRows:
    arrays, track = read_mask_arrays(parts, key), track_of[key]
    if len(track) != len(arrays["frame"]):
        raise ValueError(f"expected a track for each of the {len(arrays['frame'])} rows of {key}, got {len(track)}")
    return to_table(StoredRows, arrays | {"track": track.astype(np.int32)}, size)


def _in_order(rows: Table, frame: str) -> Table:
    return rows.take(np.lexsort([getattr(rows, name) for name in ("source", "region", frame)]))
