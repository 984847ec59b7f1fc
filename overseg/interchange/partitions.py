"""Masks by depth of the tree of tracks, laid over each other within a depth or down to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from overseg.data.label_map import paint, split
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.selection import Selection


@dataclass(frozen=True)
class Partition:
    """The masks of one frame and depth; no two of them overlap.

    Attributes:
        depth: of the tree of tracks; 0 for those that are part of nothing.
        masks: the masks before they were laid over each other.
        rles: what remains of each; may be empty.
    """

    depth: int
    masks: TrackMasks
    rles: Rles


class Partitions:
    """Lays the masks of frames over each other, those of the smallest mean area on top.

    Attributes:
        depths: that have objects, ascending.
    """

    def __init__(self, selection: Selection) -> None:
        """
        Args:
            selection: where it is flat, each partition is a full one, of the tracks down to its depth; otherwise it is
                of the tracks of its depth alone. It counts what is lost.
        """
        objects = selection.objects
        self._selection = selection
        self._depth: Int64[np.ndarray, " o"] = selection.result.tree.depth[objects.track].astype(np.int64)
        self._height = np.empty(len(objects), np.int64)  # the order in which masks lie over each other
        order = np.argsort(-selection.result.tracks.mean_area_px[objects.track], kind="stable")
        self._height[order] = np.arange(len(objects))
        self.depths: list[int] = np.unique(self._depth).tolist()

    def of(self, masks: TrackMasks) -> Iterator[Partition]:
        """The partition of each depth of the masks of one frame."""
        selection = self._selection
        row = np.searchsorted(selection.objects.id, masks.track)
        for depth in self.depths:
            here = np.flatnonzero(self._depth[row] <= depth if selection.is_flat else self._depth[row] == depth)
            before = masks.take(here)
            rles = split(paint(before.rles, np.argsort(self._height[row[here]], kind="stable")), len(before))
            if not selection.is_flat or depth == self.depths[-1]:
                selection.lose(before, rles)
            yield Partition(depth, before, rles)
