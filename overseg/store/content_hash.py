"""A hash over all that a result holds."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from overseg.store.column import Column
from overseg.store.columns import no_rows, to_arrays
from overseg.store.mask_table import MaskTable


def hash_of(masks: MaskTable, terminations: Mapping[str, Column], tables: Mapping[str, Any]) -> str:
    """sha256 in hex over the columns of all tables, in this order.

    Args:
        masks: as they are stored.
        terminations: the stored columns of the table.
        tables: the tables that fit into memory, by stored name.
    """
    total = hashlib.sha256()
    for name in to_arrays(no_rows(masks.size)):
        _hash_column(total, f"masks/{name}", masks.chunks(name))
    for name, stored in terminations.items():
        _hash_column(total, f"endings/{name}", stored.chunks())
    for table, columns in tables.items():
        for name, column in to_arrays(columns).items():
            _hash_column(total, f"{table}/{name}", [column])
    return total.hexdigest()


def _hash_column(total: Any, name: str, chunks: Iterable[np.ndarray]) -> None:
    """Add the digest of a column to a hash. It does not depend on the sizes of chunks."""
    column = hashlib.sha256()
    for chunk in chunks:
        column.update(np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<")).tobytes())
    total.update(f"{name}:{column.hexdigest()};".encode())
