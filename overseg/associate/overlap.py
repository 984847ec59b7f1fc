"""Association by overlap: masks that cover the same pixels of a keyframe are the same region."""

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from overseg.associate.linking import Groups
from overseg.associate.reappearance import Reappearance
from overseg.associate.strongest_first import join_strongest_first
from overseg.data.appearances import Appearances
from overseg.data.masks import keyframe_of, made_on
from overseg.data.rles import Rles
from overseg.data.spans import Spans
from overseg.data.visit import Edges
from overseg.stages import Matches

MAY_BE_ONE_IOU = 0.4  # smaller overlaps are not kept: even noisy masks of one region overlap more


class OverlapAssociator:
    """Matches masks that overlap on a keyframe, and links regions from the strongest evidence down."""

    def __init__(self, *, match_iou: float = 0.6, reappearance: Reappearance | None = None) -> None:
        """
        Args:
            match_iou: masks of one frame with at least this IoU, in (0, 1], agree: they are the same region.
            reappearance: re-identifies regions that were out of sight; None for no re-identification.
        """
        self._match_iou, self._reappearance = match_iou, reappearance
        self._least_iou = min(match_iou, MAY_BE_ONE_IOU)
        self._nearly_iou = (match_iou + self._least_iou) / 2

    def match(self, propagated: Rles, masks: Rles) -> Matches:
        """Match masks propagated to a keyframe with the masks of that keyframe; see `stages.Associator`."""
        iou = propagated.iou(masks)
        propagated_rows, mask_rows = np.nonzero(iou >= self._least_iou)
        return Matches(
            propagated=propagated_rows,
            mask=mask_rows,
            iou=iou[propagated_rows, mask_rows],
            explained=np.flatnonzero((iou >= self._match_iou).any(axis=1)),
        )

    def one_to_one(self, edges: Edges) -> Bool[np.ndarray, " e"]:
        """Which edges of one keyframe are one-to-one matches; see `stages.Associator`."""
        order = np.lexsort((edges.region_to, edges.region_from, -edges.iou))
        taken_from: set[int] = set()
        taken_to: set[int] = set()
        one_to_one = np.zeros(len(edges), dtype=bool)
        for row in order[edges.iou[order] >= self._match_iou].tolist():
            region_from, region_to = int(edges.region_from[row]), int(edges.region_to[row])
            if region_from not in taken_from and region_to not in taken_to:
                taken_from.add(region_from)
                taken_to.add(region_to)
                one_to_one[row] = True
        return one_to_one

    def link(
        self,
        regions: Int64[np.ndarray, " r"],
        edges: Edges,
        seen_on: Int32[np.ndarray, " s"],
        seen: Int64[np.ndarray, " s"],
    ) -> Int64[np.ndarray, " r"]:
        """Group regions into tracks; see `stages.Associator`.

        Two regions may be one if their masks agree on some keyframe, and nearly agree on the mean of the keyframes on
        which both are seen; or if they nearly agree on several keyframes and nothing distinguishes them. Such pairs
        are joined from the strongest evidence down, which is their mean IoU, and more for regions that are part of
        long tracks by then: see `join_strongest_first`. The order of the edges does not matter. A join is refused if
        it contradicts a keyframe on which two of the regions are distinguished: see `_alike` and `_trusted`.
        """
        known = np.isin(edges.region_from, regions) & np.isin(edges.region_to, regions)
        ends = [np.searchsorted(regions, column[known]) for column in (edges.region_from, edges.region_to)]
        small, large = np.minimum(*ends), np.maximum(*ends)
        frame, iou = edges.frame[known].astype(np.int64), edges.iou[known].astype(np.float64)
        alike = _alike(frame, small, large, made_on(regions), agree=iou >= self._match_iou)
        matches = frame[alike], small[alike], large[alike]
        number = np.searchsorted(regions, seen)
        trusted = _trusted(seen_on, number, keyframe_of(regions), *matches)
        seen_on, number = seen_on[trusted], number[trusted]
        groups = Groups(len(regions), seen_on, number, alike=_seen_both(seen_on, number, *matches))
        small, large, mean, is_one = self._judge(small, large, iou, alike)
        join_strongest_first(groups, small[is_one], large[is_one], mean[is_one])
        return regions[groups.smallest()]

    def reidentify(
        self, groups: Int64[np.ndarray, " r"], spans: Spans, appearances: Appearances
    ) -> Int64[np.ndarray, " r"]:
        """Join groups that are one region; see `stages.Associator`."""
        return groups if self._reappearance is None else self._reappearance.reidentify(groups, spans, appearances)

    def _judge(
        self,
        small: Int64[np.ndarray, " e"],
        large: Int64[np.ndarray, " e"],
        iou: Float64[np.ndarray, " e"],
        alike: Bool[np.ndarray, " e"],
    ) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"], Float64[np.ndarray, " p"], Bool[np.ndarray, " p"]]:
        """Each pair of regions once, its mean IoU, and whether it may be one region, for rows in any order."""
        order = np.lexsort((iou, large, small))
        small, large, iou, alike = small[order], large[order], iou[order], alike[order]
        first = np.flatnonzero((np.diff(small, prepend=-1) != 0) | (np.diff(large, prepend=-1) != 0))
        last = np.append(first, len(iou))[1:] - 1
        mean = (np.add.reduceat(iou, first) if len(first) else iou) / (last - first + 1)
        always_alike = np.logical_and.reduceat(alike, first) if len(first) else alike
        agree = (iou[last] >= self._match_iou) & (mean >= self._nearly_iou)
        nearly_agree = always_alike & (last > first) & (iou[last] >= self._nearly_iou)
        return small[first], large[first], mean, agree | nearly_agree


def _alike(
    frame: Int64[np.ndarray, " e"],
    small: Int64[np.ndarray, " e"],
    large: Int64[np.ndarray, " e"],
    made: Int64[np.ndarray, " r"],
    *,
    agree: Bool[np.ndarray, " e"],
) -> Bool[np.ndarray, " e"]:
    """Which edges join masks that agree, or that overlap less but are not distinguished on their keyframe.

    Two masks that a generator made on one keyframe are distinguished. If two masks of one keyframe both overlap a
    third mask a little, they are parts of it, and so distinguished from it.
    """
    keyframe = np.unique(made, return_inverse=True)[1].astype(np.int64)
    alone = [_occurs_once(frame, one, keyframe[other]) for one, other in ((small, large), (large, small))]
    return (agree | (alone[0] & alone[1])) & (keyframe[small] != keyframe[large])


def _trusted(
    seen_on: Int32[np.ndarray, " s"],
    seen: Int64[np.ndarray, " s"],
    keyframe: Int64[np.ndarray, " r"],
    frame: Int64[np.ndarray, " a"],
    small: Int64[np.ndarray, " a"],
    large: Int64[np.ndarray, " a"],
) -> Bool[np.ndarray, " s"]:
    """Which masks distinguish their region from others: those not propagated past a keyframe with a match.

    Beyond that keyframe the matched mask is the better evidence: the one propagated from farther away has drifted.
    """
    ends, at = np.concatenate([small, large]), np.concatenate([frame, frame])
    distance = at - keyframe[ends]
    reach = np.full((2, len(keyframe)), np.iinfo(np.int64).max)  # frames up to the first match, forward and backward
    np.minimum.at(reach[0], ends[distance > 0], distance[distance > 0])
    np.minimum.at(reach[1], ends[distance < 0], -distance[distance < 0])
    distance = seen_on - keyframe[seen]
    return np.abs(distance) <= np.where(distance > 0, reach[0][seen], reach[1][seen])


def _occurs_once(*columns: Int64[np.ndarray, " e"]) -> Bool[np.ndarray, " e"]:
    """Which rows occur once."""
    order = np.lexsort(columns)
    differs = np.any([np.diff(column[order], prepend=-1, append=-1) != 0 for column in columns], axis=0)
    once = np.zeros(len(order), dtype=bool)
    once[order] = differs[:-1] & differs[1:]
    return once


def _seen_both(
    seen_on: Int32[np.ndarray, " s"],
    seen: Int64[np.ndarray, " s"],
    frame: Int64[np.ndarray, " a"],
    small: Int64[np.ndarray, " a"],
    large: Int64[np.ndarray, " a"],
) -> set[tuple[int, int, int]]:
    """The matches (frame, region, region) of which both regions are seen on the frame; no others are needed."""
    n = 1 + int(max(seen.max(initial=0), large.max(initial=0)))
    sightings = seen_on.astype(np.int64) * n + seen
    both = np.isin(frame * n + small, sightings) & np.isin(frame * n + large, sightings)
    return set(zip(frame[both].tolist(), small[both].tolist(), large[both].tolist(), strict=True))
