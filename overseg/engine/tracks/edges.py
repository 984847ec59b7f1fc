"""Edges between regions, from matches between their masks on a keyframe."""

import numpy as np

from overseg.data.masks import Masks
from overseg.data.visit import Edges
from overseg.stages import Matches


def edges_of(matches: Matches, propagated: Masks, target: Masks, keyframe: int) -> Edges:
    """The edges between the regions of matches on a keyframe."""
    return Edges(
        region_from=propagated.region[matches.propagated],
        region_to=target.region[matches.mask],
        frame=np.full(len(matches.propagated), keyframe, np.int32),
        iou=matches.iou.astype(np.float32),
    )


def each_pair_once(matches: Matches) -> Matches:
    """Matches within one table of masks, without those of a mask with itself and without the second of each pair."""
    rows = matches.propagated < matches.mask
    return Matches(matches.propagated[rows], matches.mask[rows], matches.iou[rows], matches.explained)
