"""How many changes of track, and how many tracks, it takes to follow an object."""

from collections import Counter
from collections.abc import Sequence


def switches(followed: Sequence[frozenset[int]]) -> int:
    """The fewest changes of track needed to follow an object wherever some track follows it.

    Example: tracks 1 and 2 follow it, then 2 alone, then nothing, then 1 and 3.
        >>> switches([frozenset({1, 2}), frozenset({2}), frozenset(), frozenset({1, 3})])
        1

    Args:
        followed: frame after frame, the tracks that follow the object there. A frame without any is passed over.
    """
    n, current = 0, frozenset[int]()
    for tracks in filter(None, followed):
        if current and not current & tracks:
            n += 1
            current = tracks
        else:
            current = current & tracks or tracks
    return n


def fragments(followed: Sequence[frozenset[int]]) -> int:
    """Number of tracks needed to follow an object wherever some track does; greedily, the longest first.

    >>> fragments([frozenset({1}), frozenset({1, 2}), frozenset({2}), frozenset(), frozenset({1})])
    2
    """
    left, n = [tracks for tracks in followed if tracks], 0
    while left:
        count = Counter(track for tracks in left for track in tracks)
        longest = min(count, key=lambda track: (-count[track], track))
        left = [tracks for tracks in left if longest not in tracks]
        n += 1
    return n
