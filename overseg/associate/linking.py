"""Groups of regions that are one region of the video: a union-find that refuses impossible unions."""

from array import array
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int32, Int64


class Groups:
    """Regions joined into groups, none of which holds two regions seen on the same keyframe.

    Example: region 0, seen on keyframe 0, met region 1 on keyframe 5, and region 2 there too.
        >>> groups = Groups(3)
        >>> groups.see(np.array([0, 5, 5]), np.array([0, 1, 2]))
        >>> groups.join(0, 1), groups.join(0, 2)
        (True, False)
        >>> groups.smallest().tolist()
        [0, 0, 2]
    """

    def __init__(self, n_regions: int) -> None:
        """Regions 0 to n_regions - 1, each alone and seen nowhere."""
        self._parent = array("q", range(n_regions))
        # The keyframes of a group: bit i of `seen` stands for keyframe number `first` + i. A long video has many
        # regions that are seen a few times each, close together: this is a tenth of the memory of sets.
        self._first = array("q", bytes(8 * n_regions))
        self._seen = [0] * n_regions

    def see(self, frame: Int32[np.ndarray, " s"] | Int64[np.ndarray, " s"], region: Int64[np.ndarray, " s"]) -> None:
        """Note, before anything is joined, that region[i] is seen on keyframe frame[i]."""
        number = np.unique(frame, return_inverse=True)[1]
        for keyframe, one in pairs(number, region):
            self._first[one], self._seen[one] = _either(self._first[one], self._seen[one], keyframe, 1)

    def join(self, one: int, other: int) -> bool:
        """Make one group of two regions' groups, unless both are seen on one keyframe. True where they are one."""
        a, b = sorted((self._root(one), self._root(other)))
        if a == b:
            return True
        if _both(self._first[a], self._seen[a], self._first[b], self._seen[b]):
            return False
        self._parent[b] = a  # the smaller number stays the root
        self._first[a], self._seen[a] = _either(self._first[a], self._seen[a], self._first[b], self._seen[b])
        self._seen[b] = 0
        return True

    def smallest(self) -> Int64[np.ndarray, " n_regions"]:
        """For every region, the smallest region of its group."""
        return np.array([self._root(region) for region in range(len(self._parent))], dtype=np.int64)

    def _root(self, region: int) -> int:
        while self._parent[region] != region:
            self._parent[region] = self._parent[self._parent[region]]
            region = self._parent[region]
        return region


def pairs(
    one: Int64[np.ndarray, " n"], other: Int64[np.ndarray, " n"], *, at_once: int = 4096
) -> Iterator[tuple[int, int]]:
    """The rows of two columns as Python's numbers, never many of them at a time."""
    for start in range(0, len(one), at_once):
        rows = slice(start, start + at_once)
        yield from zip(one[rows].tolist(), other[rows].tolist(), strict=True)


def _either(first: int, seen: int, other_first: int, other_seen: int) -> tuple[int, int]:
    """The union of two sets of keyframes."""
    if not seen or not other_seen:
        return (first, seen) if seen else (other_first, other_seen)
    start = min(first, other_first)
    return start, seen << (first - start) | other_seen << (other_first - start)


def _both(first: int, seen: int, other_first: int, other_seen: int) -> bool:
    """Whether two sets of keyframes share one."""
    start = max(first, other_first)
    return bool(seen >> (start - first) & other_seen >> (start - other_first))
