"""Masks of a file that lists them in any order, collected by picture."""

from collections import defaultdict
from typing import Any

import numpy as np

from overseg.annotations.annotations import PictureMasks
from overseg.data.rles import Rles

_TYPES = {
    "region": np.int64,
    "source": np.int8,
    "score": np.float32,
    "stability_score": np.float32,
    "sam_output": np.int8,
    "sam_outputs": np.uint8,
    "point_xy": np.float32,
}


class Gathered:
    """Collects masks by picture. Memory holds their run lengths.

    Example:
        >>> gathered = Gathered((4, 6))
        >>> gathered.add(1, 7, b"h0", score=0.5)
        >>> [len(gathered.read(picture).rles) for picture in (0, 1)]
        [0, 1]
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._rows: defaultdict[int, list[tuple[int, bytes, dict[str, Any]]]] = defaultdict(list)
        self.annotated: tuple[int, ...] | None = None  # as in PictureMasks, the same for all pictures

    @property
    def last(self) -> int:
        """Number of the last picture that has a mask; -1 where none has."""
        return max(self._rows, default=-1)

    def __len__(self) -> int:
        """How many pictures have a mask."""
        return len(self._rows)

    def add(self, picture: int, object: int, counts: bytes, **columns: Any) -> None:
        """Add a mask to a picture; columns are those of TrackMasks, the same for all masks."""
        self._rows[picture].append((object, counts, columns))

    def read(self, picture: int) -> PictureMasks:
        """The masks of a picture."""
        rows = self._rows.get(picture, [])
        rles = Rles(self.size, tuple(counts for _, counts, _ in rows))
        names = rows[0][2] if rows else {}
        columns = {name: np.array([row[2][name] for row in rows], _TYPES[name]) for name in names}
        objects = np.array([object for object, _, _ in rows], np.int64)
        return PictureMasks(rles, objects, columns, annotated=self.annotated)
