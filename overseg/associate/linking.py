"""Groups of regions that are one region of the video: a union-find that refuses impossible unions."""

from collections.abc import Iterable


class Groups:
    """Regions joined into groups, none of which holds two regions seen on the same frame.

    Example: region 1, seen on frame 0, met region 2 on frame 5, and region 4 there too.
        >>> groups = Groups([1, 2, 4])
        >>> groups.see(1, 0), groups.see(2, 5), groups.see(4, 5)
        (None, None, None)
        >>> groups.join(1, 2), groups.join(1, 4)
        (True, False)
        >>> groups.smallest()
        {1: 1, 2: 1, 4: 4}
    """

    def __init__(self, regions: Iterable[int]) -> None:
        """Every region alone and seen nowhere."""
        self._parent = {region: region for region in regions}
        self._frames: dict[int, set[int]] = {region: set() for region in self._parent}

    def see(self, region: int, frame: int) -> None:
        """Note, before anything is joined, that a region is seen on a frame."""
        self._frames[region].add(frame)

    def join(self, one: int, other: int) -> bool:
        """Make one group of the groups of two regions, unless both are seen on one frame. True where they are one.

        Unknown regions take no part.
        """
        if one not in self._parent or other not in self._parent:
            return False
        small, large = sorted((self._root(one), self._root(other)), key=lambda root: (len(self._frames[root]), root))
        if small == large:
            return True
        if not self._frames[large].isdisjoint(self._frames[small]):
            return False
        self._parent[small] = large
        self._frames[large] |= self._frames.pop(small)
        return True

    def smallest(self) -> dict[int, int]:
        """For every region, the smallest region of its group."""
        least: dict[int, int] = {}
        for region in sorted(self._parent):
            least.setdefault(self._root(region), region)
        return {region: least[self._root(region)] for region in self._parent}

    def _root(self, region: int) -> int:
        while self._parent[region] != region:
            self._parent[region] = self._parent[self._parent[region]]
            region = self._parent[region]
        return region
