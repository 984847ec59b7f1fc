"""The containment tree of tracks: the handle is below the cup, the cup below the table setting."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.renamed import Renamed
from overseg.errors import StoreError


@dataclass(frozen=True)
class TrackTree:
    """Which track is part of which. Roots are part of nothing; the children of a track have it as their `part_of`.

    Example: track 1 is part of 0, and 2 part of 1; 3 stands alone.
        >>> tree = TrackTree.from_part_of(np.array([-1, 0, 1, -1], np.int32))
        >>> tree.roots().tolist(), tree.children(0).tolist(), tree.depth.tolist()
        ([0, 3], [1], [0, 1, 2, 0])
        >>> tree.ancestors(2).tolist(), tree.descendants(0).tolist()
        ([1, 0], [1, 2])

    Attributes:
        part_of: the smallest track that contains each track; -1 for a root.
        depth: number of tracks above each one: 0 for a root, 1 for its children.
    """

    part_of: Int32[np.ndarray, " t"]
    depth: Int32[np.ndarray, " t"]
    _by_parent: Int64[np.ndarray, " t"]
    _first_child: Int64[np.ndarray, " o"]

    level, n_levels = Renamed("depth"), Renamed("n_depths")

    @classmethod
    def from_part_of(cls, part_of: Int32[np.ndarray, " t"]) -> "TrackTree":
        """The tree of the column `part_of` in the table of tracks.

        Raises:
            StoreError: a track is part of one that does not exist, or there is a circle.
        """
        n = len(part_of)
        if n and not -1 <= part_of.min() <= part_of.max() < n:
            raise StoreError(f"expected part_of to name tracks from 0 to {n - 1} or -1, got others: run again")
        by_parent = np.argsort(part_of, kind="stable")
        first_child = np.searchsorted(part_of[by_parent], np.arange(n + 1))
        return cls(part_of, _depths(part_of), by_parent.astype(np.int64), first_child.astype(np.int64))

    def __len__(self) -> int:
        return len(self.part_of)

    @property
    def n_depths(self) -> int:
        """Number of depths, the largest depth plus 1; 0 without tracks."""
        return 1 + int(self.depth.max(initial=-1))

    def roots(self) -> Int64[np.ndarray, " r"]:
        """Tracks that are part of nothing, ascending."""
        return np.flatnonzero(self.part_of < 0)

    def children(self, track: int) -> Int64[np.ndarray, " c"]:
        """Tracks directly below this one, ascending; IndexError if there is no such track."""
        self._check(track)
        return self._by_parent[self._first_child[track] : self._first_child[track + 1]]

    def ancestors(self, track: int) -> Int64[np.ndarray, " a"]:
        """Tracks that contain this one, from its parent up to its root; IndexError if there is no such track."""
        self._check(track)
        above = []
        while (track := int(self.part_of[track])) >= 0:
            above.append(track)
        return np.array(above, np.int64)

    def descendants(self, track: int) -> Int64[np.ndarray, " d"]:
        """All tracks below this one, by depth; IndexError if there is no such track."""
        below = [self.children(track)]
        while len(below[-1]):
            below.append(np.concatenate([self.children(int(child)) for child in below[-1]]))
        return np.concatenate(below)

    def _check(self, track: int) -> None:
        if not 0 <= track < len(self):
            raise IndexError(f"expected a track from 0 to {len(self) - 1}, got {track}")


def _depths(part_of: Int32[np.ndarray, " t"]) -> Int32[np.ndarray, " t"]:
    depth = np.zeros(len(part_of), np.int32)
    above = part_of.copy()
    while (is_below := above >= 0).any():
        depth[is_below] += 1
        above[is_below] = part_of[above[is_below]]
        if depth.max() >= len(part_of):
            raise StoreError("expected a tree of tracks, got a track that is part of itself: run again")
    return depth
