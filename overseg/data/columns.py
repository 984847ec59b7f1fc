"""The base class of frozen column tables."""

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Int

from overseg.data.rles import Rles

Table = TypeVar("Table", bound="Columns")  # not Self: the runtime type checks of the tests decorate single methods


class Columns:
    """Row selection and concatenation, for a frozen table of NumPy arrays and perhaps masks, as `rles`."""

    def __len__(self) -> int:
        return len(getattr(self, _names(self)[0]))

    def take(self: Table, rows: Int[np.ndarray, " k"] | Bool[np.ndarray, " n"]) -> Table:
        """The rows at these numbers, in this order, or where a boolean array is true."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        columns = {
            name: getattr(self, name).take(at) if name == "rles" else getattr(self, name)[at] for name in _names(self)
        }
        return replace(self, **columns)  # type: ignore[type-var]

    @classmethod
    def concatenate(cls: type[Table], tables: list[Table]) -> Table:
        """The rows of all tables (at least one), in order."""
        return cls(**{name: _joined([getattr(table, name) for table in tables]) for name in _names(cls)})


def _names(table: Any) -> list[str]:
    return [f.name for f in fields(table)]


def _joined(columns: list[Any]) -> Any:
    first = columns[0]
    return Rles.concatenate(first.size, columns) if isinstance(first, Rles) else np.concatenate(columns)
