"""From column tables to named arrays and back: the form in which parts and results store them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int32, Int64, UInt8

from overseg.data.masks import Masks, TrackMasks
from overseg.data.rles import Rles

Table = TypeVar("Table")
NO_TRACK = -1
_STORED_NAMES = {"sam_output": "level", "sam_outputs": "levels", "appearance": "look"}  # names in format version 5


@dataclass(frozen=True)
class StoredRows(TrackMasks):
    """Rows of a result as they are stored.

    Attributes:
        area_px: number of pixels in each mask.
        track: id of the track; NO_TRACK for a row without one, such as a duplicate.
    """

    area_px: Int32[np.ndarray, " n"]

    def in_tracks(self) -> TrackMasks:
        """The rows that have a track."""
        rows = self.take(self.track != NO_TRACK)
        return TrackMasks(**{f.name: getattr(rows, f.name) for f in fields(TrackMasks)})


def no_rows(size: tuple[int, int]) -> StoredRows:
    """An empty table, for masks of this size."""
    columns = to_arrays(Masks.empty(size)) | {"track": np.zeros(0, np.int32), "area_px": np.zeros(0, np.int32)}
    return to_table(StoredRows, columns, size)


def stored_name(column: str) -> str:
    """The stored name of a table's column.

    >>> stored_name("frame"), stored_name("sam_output")
    ('frame', 'level')
    """
    return _STORED_NAMES.get(column, column)


def stored_names(table: Any) -> list[str]:
    """The stored names of a table's columns, in order; `table` is a table or its class."""
    return [stored_name(f.name) for f in fields(table)]


def to_arrays(table: Any) -> dict[str, np.ndarray]:
    """The columns of a frozen table by stored name; its masks become `rle_bytes` and `rle_offsets`."""
    arrays = {stored_name(f.name): getattr(table, f.name) for f in fields(table) if f.name != "rles"}
    if hasattr(table, "rles"):
        arrays["rle_bytes"], arrays["rle_offsets"] = join_rles(table.rles)
    return arrays


def to_table(cls: type[Table], arrays: Mapping[str, np.ndarray], size: tuple[int, int]) -> Table:
    """The frozen table `cls` from arrays by stored name; other arrays are ignored."""
    columns: dict[str, Any] = {}
    for f in fields(cls):  # type: ignore[arg-type]
        if f.name == "rles":
            columns["rles"] = split_rles(size, arrays["rle_bytes"].tobytes(), arrays["rle_offsets"])
        else:
            columns[f.name] = arrays[stored_name(f.name)]
    return cls(**columns)


def join_rles(rles: Rles) -> tuple[UInt8[np.ndarray, " b"], Int64[np.ndarray, " o"]]:
    """All COCO strings end to end, and where each begins; the last offset is the number of bytes."""
    offsets = np.zeros(len(rles) + 1, np.int64)
    np.cumsum([len(counts) for counts in rles.counts], out=offsets[1:])
    return np.frombuffer(b"".join(rles.counts), np.uint8), offsets


def split_rles(size: tuple[int, int], joined: bytes, offsets: Int64[np.ndarray, " o"]) -> Rles:
    """The masks whose COCO strings are in `joined`, between neighbouring `offsets`."""
    bounds = offsets.tolist()
    return Rles(size, tuple(joined[a:b] for a, b in pairwise(bounds)))
