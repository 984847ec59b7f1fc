"""From meetings of masks on a keyframe to edges between regions."""

import numpy as np

from overseg.data.masks import Masks
from overseg.data.visit import Edges
from overseg.stages import Meetings


def edges_of(meetings: Meetings, arrived: Masks, target: Masks, keyframe: int) -> Edges:
    """The edges between regions that meetings of their masks on a keyframe are."""
    return Edges(
        region_from=arrived.region[meetings.arrived],
        region_to=target.region[meetings.mask],
        frame=np.full(len(meetings.arrived), keyframe, np.int32),
        iou=meetings.iou.astype(np.float32),
    )


def each_pair_once(meetings: Meetings) -> Meetings:
    """Meetings of masks with each other, without those that hold a mask against itself or are there twice."""
    rows = meetings.arrived < meetings.mask
    return Meetings(meetings.arrived[rows], meetings.mask[rows], meetings.iou[rows], meetings.explained)
