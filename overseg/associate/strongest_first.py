"""Joins pairs of regions from the strongest evidence down: how well their masks agree, and how long both are known."""

from collections import defaultdict
from heapq import heapify, heappop, heappush

import numpy as np
from jaxtyping import Float64, Int64

from overseg.associate.linking import Groups

# Each doubling of the regions of two groups counts as much as this IoU. On seven clips, best_track_j was the same for
# 0.05 to 0.1; without it, a track that began a keyframe ago could take the next mask from one of long standing.
_IOU_PER_DOUBLING = 0.08
_MOST_DOUBLINGS = 4
_LONG = 2**_MOST_DOUBLINGS  # regions; longer histories are equal


def join_strongest_first(
    groups: Groups, one: Int64[np.ndarray, " p"], other: Int64[np.ndarray, " p"], iou: Float64[np.ndarray, " p"]
) -> None:
    """Join pairs of regions, unless that is contradictory. Equal evidence goes by the regions' numbers.

    Args:
        groups: are changed.
        one, other: the regions of each pair, one[i] < other[i], each pair once.
        iou: how well the masks of each pair agree, in (0, 1].
    """
    pairs = list(zip(one.tolist(), other.tolist(), iou.tolist(), strict=True))
    waiting = defaultdict(list)  # by group that is not long yet: pairs whose evidence grows with it
    for row, (a, b, _) in enumerate(pairs):
        waiting[a].append(row)
        waiting[b].append(row)

    def evidence(row: int) -> float:
        a, b, agreement = pairs[row]
        return agreement + _IOU_PER_DOUBLING * _doublings(groups.size(a) + groups.size(b))

    known = [evidence(row) for row in range(len(pairs))]
    queue = [(-known[row], a, b, row) for row, (a, b, _) in enumerate(pairs)]
    heapify(queue)
    while queue:
        strength, a, b, row = heappop(queue)
        if -strength < known[row]:
            continue  # it was tried with more
        known[row] = np.inf
        before = groups.of(a), groups.of(b)
        if before[0] == before[1] or not groups.join(a, b):
            continue
        rows = [row for group in before for row in waiting.pop(group, []) if known[row] < np.inf]
        for row in rows:
            now = evidence(row)
            if now > known[row]:
                known[row] = now
                heappush(queue, (-now, *pairs[row][:2], row))
        if groups.size(a) < _LONG:
            waiting[groups.of(a)] = rows


def _doublings(n_regions: int) -> int:
    return min(n_regions.bit_length() - 1, _MOST_DOUBLINGS)
