"""Reading one array of a result, a few rows at a time."""

from collections.abc import Iterator

import numpy as np

from overseg.errors import StoreError
from overseg.store.folder import METADATA, Folder
from overseg.store.plain_array import PlainArray
from overseg.store.plain_shards import PlainShards


class Column:
    """An array of a result, by its path, such as `masks/frame`.

    Raises:
        StoreError: it is missing or damaged, or its result was replaced by a newer one and removed.
    """

    def __init__(self, result: Folder, path: str) -> None:
        self._result = result
        self._path = path
        try:
            self._array = PlainArray.of(result / path) or PlainShards.of(result / path) or result.array(path)
        except (OSError, ValueError, KeyError, TypeError) as e:  # what zarr raises for damaged metadata
            raise self._unreadable(e) from e

    def __len__(self) -> int:
        return self._array.shape[0]

    @property
    def chunk_rows(self) -> int:
        """Number of rows in a chunk, which has one checksum."""
        return self._array.chunks[0]

    @property
    def file_rows(self) -> int:
        """Number of rows in a file."""
        return (self._array.shards or self._array.chunks)[0]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows from start, included, to stop, excluded, or to the end where that is earlier."""
        try:
            with self._result.errors():
                rows = np.asarray(self._array[start:stop])
            is_current = self._result.has(METADATA)
        except (OSError, ValueError, RuntimeError) as e:
            raise self._unreadable(e) from e
        if not is_current:  # it is removed before the chunks; a missing chunk reads as zeros
            raise self._unreadable("it was replaced by a newer one")
        return rows

    def all(self) -> np.ndarray:
        """Every row."""
        return self.rows(0, len(self))

    def chunks(self) -> Iterator[np.ndarray]:
        """Every row, in order, one chunk at a time."""
        for start in range(0, len(self), self._array.chunks[0]):
            yield self.rows(start, start + self._array.chunks[0])

    def _unreadable(self, reason: object) -> StoreError:
        return StoreError(
            f"{self._path} of the result {self._result} cannot be read ({reason}); "
            "open the store again; if that does not help, run again with --overwrite"
        )
