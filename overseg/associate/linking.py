"""Groups of regions that are one region of the video: a union-find that refuses contradictory unions."""

from array import array
from collections.abc import Iterator
from itertools import product

import numpy as np
from jaxtyping import Int32, Int64


class Groups:
    """Regions joined into groups. No group has two regions that are different on some keyframe.

    Two regions that are seen on one keyframe are different, unless they match there.

    Example: region 0 is seen on keyframes 0 and 5, regions 1 and 2 on keyframe 5, and 0 and 2 match there.
        >>> groups = Groups(3, np.array([0, 5, 5, 5]), np.array([0, 0, 1, 2]), alike={(5, 0, 2)})
        >>> groups.join(0, 1), groups.join(0, 2)
        (False, True)
        >>> groups.smallest().tolist()
        [0, 1, 0]
    """

    def __init__(
        self,
        n_regions: int,
        frame: Int32[np.ndarray, " s"] | Int64[np.ndarray, " s"],
        region: Int64[np.ndarray, " s"],
        *,
        alike: set[tuple[int, int, int]] | None = None,
    ) -> None:
        """
        Args:
            n_regions: regions are 0 to n_regions - 1; each is a group at first.
            frame, region: region[i] is seen on keyframe frame[i].
            alike: (keyframe, region, region) for regions that match on a keyframe; the smaller region comes first.
        """
        self._parent = array("q", range(n_regions))
        self._size = array("q", [1]) * n_regions
        self._alike = alike or set()
        order = np.lexsort((region, frame))
        self._keyframes, starts = np.unique(frame[order], return_index=True)
        self._starts = [*starts.tolist(), len(order)]
        self._regions_seen = array("q", region[order].tolist())
        # The keyframes of a group: bit i of `seen` stands for keyframe number `first` + i. A long video has many
        # regions, each seen a few times within a short time: integers take a tenth of the memory of sets.
        self._first = array("q", bytes(8 * n_regions))
        self._seen = [0] * n_regions
        for keyframe, one in pairs(np.searchsorted(self._keyframes, frame).astype(np.int64), region):
            self._first[one], self._seen[one] = _either(self._first[one], self._seen[one], keyframe, 1)

    def join(self, one: int, other: int) -> bool:
        """Join the groups of two regions, unless that is contradictory. True if they are one group afterwards."""
        a, b = sorted((self.of(one), self.of(other)))
        if a == b:
            return True
        start, shared = _both(self._first[a], self._seen[a], self._first[b], self._seen[b])
        if shared and not self._all_alike(a, b, start, shared):
            return False
        self._parent[b] = a  # the smaller number stays the root
        self._size[a] += self._size[b]
        self._first[a], self._seen[a] = _either(self._first[a], self._seen[a], self._first[b], self._seen[b])
        self._seen[b] = 0
        return True

    def smallest(self) -> Int64[np.ndarray, " n_regions"]:
        """For every region, the smallest region of its group."""
        return np.array([self.of(region) for region in range(len(self._parent))], dtype=np.int64)

    def of(self, region: int) -> int:
        """The smallest region of a region's group."""
        while self._parent[region] != region:
            self._parent[region] = self._parent[self._parent[region]]
            region = self._parent[region]
        return region

    def size(self, region: int) -> int:
        """Number of regions in a region's group."""
        return self._size[self.of(region)]

    def _all_alike(self, a: int, b: int, start: int, shared: int) -> bool:
        """Whether the regions of two groups match on every keyframe that the groups share."""
        while shared:
            keyframe = start + (shared & -shared).bit_length() - 1
            regions = self._regions_seen[self._starts[keyframe] : self._starts[keyframe + 1]]
            roots = [(self.of(region), region) for region in regions]
            ours, theirs = ([region for root, region in roots if root == group] for group in (a, b))
            frame = int(self._keyframes[keyframe])
            if not all((frame, min(pair), max(pair)) in self._alike for pair in product(ours, theirs)):
                return False
            shared &= shared - 1
        return True


def pairs(
    one: Int64[np.ndarray, " n"], other: Int64[np.ndarray, " n"], *, at_once: int = 4096
) -> Iterator[tuple[int, int]]:
    """The rows of two columns as Python integers, converted some at a time to save memory."""
    for start in range(0, len(one), at_once):
        rows = slice(start, start + at_once)
        yield from zip(one[rows].tolist(), other[rows].tolist(), strict=True)


def _either(first: int, seen: int, other_first: int, other_seen: int) -> tuple[int, int]:
    """The union of two sets of keyframes."""
    if not seen or not other_seen:
        return (first, seen) if seen else (other_first, other_seen)
    start = min(first, other_first)
    return start, seen << (first - start) | other_seen << (other_first - start)


def _both(first: int, seen: int, other_first: int, other_seen: int) -> tuple[int, int]:
    """The keyframes that two sets share: bit i of the second number stands for the first number + i."""
    start = max(first, other_first)
    return start, seen >> (start - first) & other_seen >> (start - other_first)
