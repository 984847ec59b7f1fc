"""The masks of a frame as one compact message, which the page's worker decodes.

Little-endian: n as uint32; then for each of n masks, column by column: track int32, area int32, left, top, width and
height int32, region as two uint32 (low, high), end of its COCO string uint32, depth uint8, source uint8, score uint8
(255 for 1); then all COCO strings.
"""

import numpy as np
from jaxtyping import Int32

from overseg.data.masks import TrackMasks


def masks_message(masks: TrackMasks, depth: Int32[np.ndarray, " t"]) -> bytes:
    """Return the message.

    Args:
        masks: of one frame.
        depth: of every track in the containment tree.
    """
    n = len(masks)
    boxes = masks.rles.boxes_xywh().astype("<i4")
    region = masks.region.astype("<u8")
    ends = np.cumsum([len(counts) for counts in masks.rles.counts], dtype="<u4") if n else np.zeros(0, "<u4")
    columns = (
        np.array([n], "<u4"),
        masks.track.astype("<i4"),
        masks.rles.area_px().astype("<i4"),
        *(np.ascontiguousarray(boxes[:, side]) for side in range(4)),
        (region & 0xFFFFFFFF).astype("<u4"),
        (region >> np.uint64(32)).astype("<u4"),
        ends,
        depth[masks.track].clip(0, 255).astype(np.uint8),
        masks.source.astype(np.uint8),
        np.round(255 * np.nan_to_num(masks.score).clip(0, 1)).astype(np.uint8),
    )
    return b"".join([column.tobytes() for column in columns] + list(masks.rles.counts))
