"""From meetings of masks on a keyframe to edges between regions."""

import numpy as np

from overseg.data.masks import Masks
from overseg.data.visit import Edges
from overseg.stages import Matches


def edges_of(matches: Matches, propagated: Masks, target: Masks, keyframe: int) -> Edges:
    """The edges between regions that meetings of their masks on a keyframe are."""
    return Edges(
        region_from=propagated.region[matches.propagated],
        region_to=target.region[matches.mask],
        frame=np.full(len(matches.propagated), keyframe, np.int32),
        iou=matches.iou.astype(np.float32),
    )


def each_pair_once(matches: Matches) -> Matches:
    """Meetings of masks with each other, without those that hold a mask against itself or are there twice."""
    rows = matches.propagated < matches.mask
    return Matches(matches.propagated[rows], matches.mask[rows], matches.iou[rows], matches.explained)
