"""Association by overlap: masks that cover the same pixels of a keyframe are the same region."""

import numpy as np
from jaxtyping import Float64, Int32, Int64

from overseg.associate.linking import Groups, pairs
from overseg.data.rles import Rles
from overseg.data.visit import Edges
from overseg.stages import Meetings


class OverlapAssociator:
    """Matches carried masks with keyframe masks one to one by IoU, and links regions from the strongest edge down."""

    def __init__(self, *, match_iou: float = 0.6) -> None:
        """
        Args:
            match_iou: masks of one frame that agree at least this much, in (0, 1], are the same region.
        """
        self._match_iou = match_iou

    def meet(self, arrived: Rles, masks: Rles) -> Meetings:
        """Which of the masks carried onto a keyframe are masks of that keyframe; see `stages.Associator`."""
        iou = arrived.iou(masks)
        arrived_rows, mask_rows = _strongest_one_to_one(iou, self._match_iou)
        return Meetings(
            arrived=arrived_rows,
            mask=mask_rows,
            iou=iou[arrived_rows, mask_rows],
            explained=np.flatnonzero((iou >= self._match_iou).any(axis=1)),
        )

    def link(
        self,
        regions: Int64[np.ndarray, " r"],
        edges: Edges,
        seen_on: Int32[np.ndarray, " s"],
        seen: Int64[np.ndarray, " s"],
    ) -> Int64[np.ndarray, " r"]:
        """Group regions into tracks; see `stages.Associator`.

        Edges are taken from the strongest to the weakest, equal ones by the regions' ids, so that the order in which
        they were found does not matter. An edge that would join two regions seen on one keyframe is left out.
        """
        known = np.isin(edges.region_from, regions) & np.isin(edges.region_to, regions)
        order = np.lexsort((edges.region_to, edges.region_from, -edges.iou))
        order = order[known[order]]
        groups = Groups(len(regions))
        groups.see(seen_on, np.searchsorted(regions, seen))
        one, other = (np.searchsorted(regions, ends[order]) for ends in (edges.region_from, edges.region_to))
        for pair in pairs(one, other):
            groups.join(*pair)
        return regions[groups.smallest()]


def _strongest_one_to_one(
    iou: Float64[np.ndarray, "n m"], least: float
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
    """Pairs with at least this IoU, the best first, each row and each column at most once."""
    rows, columns = np.nonzero(iou >= least)
    order = np.lexsort((columns, rows, -iou[rows, columns]))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in pairs and column not in taken:
            pairs[row] = column
            taken.add(column)
    return np.array(list(pairs), dtype=np.int64), np.array(list(pairs.values()), dtype=np.int64)
