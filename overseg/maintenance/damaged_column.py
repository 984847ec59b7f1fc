"""Reading a column of a damaged result: which chunks are lost, and the rows of the others."""

from collections.abc import Iterator, Set
from functools import lru_cache

import numpy as np

from overseg.errors import StoreError
from overseg.store.column import Column
from overseg.store.folder import Folder

_CHUNKS_KEPT = 2  # so that what is read in order is read once


class DamagedColumn:
    """An array of a damaged result. Its metadata is not damaged.

    Attributes:
        lost: (first row, row after the last) of each damaged chunk.
    """

    def __init__(self, result: Folder, path: str, damaged: Set[str]) -> None:
        """
        Args:
            result: the folder of the result.
            path: path of the array in it, such as `masks/frame`.
            damaged: paths of the damaged files in it.
        """
        self._column = Column(result, path)
        self._chunk = lru_cache(_CHUNKS_KEPT)(self._read_chunk)
        self.lost = list(self._find_lost(result, f"{path}/c/", damaged))

    def __len__(self) -> int:
        return len(self._column)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows from start, included, to stop, excluded; StoreError if one is lost."""
        size = self._column.chunk_rows
        chunks = range(start // size, -(-stop // size)) if stop > start else range(0)
        parts = [self._chunk(chunk)[max(start - chunk * size, 0) : stop - chunk * size] for chunk in chunks]
        return np.concatenate(parts) if parts else self._column.rows(0, 0)

    def ascending(self) -> np.ndarray:
        """All rows of an ascending column. A lost row has the value of the last whole one before it, or 0."""
        rows, before = [self._column.rows(0, 0)], 0
        for start in range(0, len(self), self._column.chunk_rows):
            stop = min(start + self._column.chunk_rows, len(self))
            is_lost = self.is_lost(start)
            rows.append(np.full(stop - start, before, rows[0].dtype) if is_lost else self.rows(start, stop))
            before = rows[-1][-1]
        return np.concatenate(rows)

    def is_lost(self, row: int) -> bool:
        """Whether a row is lost."""
        return any(start <= row < stop for start, stop in self.lost)

    def _find_lost(self, result: Folder, prefix: str, damaged: Set[str]) -> Iterator[tuple[int, int]]:
        """The rows of damaged chunks. Chunks in one file have checksums of their own, so some may be whole."""
        size, per_file = self._column.chunk_rows, self._column.file_rows
        for name in sorted(name for name in damaged if name.startswith(prefix)):
            first = int(name.removeprefix(prefix).partition("/")[0]) * per_file
            is_all_lost = per_file == size or not result.has(name)  # a missing file would be read as zeros
            for start in range(first, min(first + per_file, len(self)), size):
                if is_all_lost or not self._is_readable(start // size):
                    yield start, min(start + size, len(self))

    def _is_readable(self, chunk: int) -> bool:
        try:
            self._read_chunk(chunk)
        except StoreError:
            return False
        return True

    def _read_chunk(self, chunk: int) -> np.ndarray:
        size = self._column.chunk_rows
        return self._column.rows(chunk * size, (chunk + 1) * size)
