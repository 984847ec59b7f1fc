"""Column tables in the zarr groups of a result: writing at once or as a stream, and reading."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from overseg.store.column import Column
from overseg.store.columns import stored_names, to_arrays, to_table
from overseg.store.folder import METADATA, Folder
from overseg.store.plain_array import PlainArrayWriter, group_metadata

Table = TypeVar("Table")
CHUNK_ROWS = 16384  # small, so that memory does not depend on the length of the video
RLE_CHUNK_BYTES = 256 * 1024
RLE_SHARD_BYTES = 4 * RLE_CHUNK_BYTES  # written at once, so it bounds a writer's memory


class GrowingColumn:
    """A new zarr array that grows row by row. It is written in whole chunks, or in shards if they are given."""

    def __init__(self, group: Path, name: str, like: np.ndarray, *, chunk: int, shard: int | None = None) -> None:
        self._array: PlainArrayWriter | _ShardedArrayWriter
        if shard is None:
            self._array = PlainArrayWriter(group / name, like, chunk_rows=chunk)
        else:
            self._array = _ShardedArrayWriter(group / name, like, chunk=chunk, shard=shard)
        self._written_at_once = shard or chunk
        self._waiting = [like[:0]]
        self._n_waiting = 0

    def append(self, rows: np.ndarray) -> None:
        """Add rows at the end."""
        self._waiting.append(rows)
        self._n_waiting += len(rows)
        if self._n_waiting >= self._written_at_once:
            self._write(self._n_waiting - self._n_waiting % self._written_at_once)

    def finish(self) -> None:
        """Write the last, incomplete chunk."""
        self._write(self._n_waiting)
        self._array.finish()

    def _write(self, n: int) -> None:
        waiting = np.concatenate(self._waiting)
        if n:
            self._array.append(waiting[:n])
        self._waiting, self._n_waiting = [waiting[n:].copy()], len(waiting) - n


class _ShardedArrayWriter:
    """A new array that grows by whole shards, each of which is a file of several chunks."""

    def __init__(self, path: Path, like: np.ndarray, *, chunk: int, shard: int) -> None:
        import zarr
        from zarr.codecs import ZstdCodec

        self._array = zarr.create_array(
            path,
            shape=(0,),
            dtype=like.dtype,
            chunks=(chunk,),
            shards=(shard,),
            filters=None,
            compressors=[ZstdCodec(level=3, checksum=True)],
            fill_value=like.dtype.type(0),
        )

    def append(self, rows: np.ndarray) -> None:
        start = self._array.shape[0]
        self._array.resize((start + len(rows),))
        self._array[start:] = rows

    def finish(self) -> None:
        """Do nothing: zarr writes the metadata with every change."""


def new_group(parent: Path, name: str) -> Path:
    """A new child group, without attributes."""
    group = parent / name
    group.mkdir()
    (group / METADATA).write_text(json.dumps(group_metadata({}), indent=2))
    return group


def write_column(group: Path, name: str, column: np.ndarray) -> None:
    """Write a new array of `group`."""
    growing = GrowingColumn(group, name, column, chunk=min(max(len(column), 1), CHUNK_ROWS))
    for start in range(0, len(column), CHUNK_ROWS):
        growing.append(column[start : start + CHUNK_ROWS])
    growing.finish()


def write_table(parent: Path, name: str, table: Any) -> None:
    """Write a new child group with one array for each column of a table without masks."""
    group = new_group(parent, name)
    for column, array in to_arrays(table).items():
        write_column(group, column, array)


def write_stream(group: Path, like: dict[str, np.ndarray], parts: Iterable[dict[str, np.ndarray]]) -> None:
    """Write new arrays of `group` with the names and types of `like` and the rows of all parts, chunk by chunk."""
    columns = {name: GrowingColumn(group, name, empty, chunk=CHUNK_ROWS) for name, empty in like.items()}
    for part in parts:
        for name, column in columns.items():
            column.append(part[name])
    for column in columns.values():
        column.finish()


def read_table(result: Folder, name: str, cls: type[Table]) -> Table:
    """Read a table that `write_table` wrote from the folder of a result."""
    return to_table(cls, {column: Column(result, f"{name}/{column}").all() for column in stored_names(cls)}, (0, 0))
