"""Appearance embeddings of regions: enough to re-identify a region without any model."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64

from overseg.data.columns import Columns
from overseg.data.masks import APPEARANCE_SIZE, KeyframeMasks
from overseg.data.renamed import Renamed


@dataclass(frozen=True)
class Appearances(Columns):
    """Regions on the keyframe that made them. A region without an appearance embedding has no row.

    Attributes:
        region: id of the region.
        area_px: number of pixels in its mask there.
        box_xywh: tight box around that mask: left, top, width, height, in pixels of the frame.
        appearance: as in KeyframeMasks.
    """

    region: Int64[np.ndarray, " n"]
    area_px: Int32[np.ndarray, " n"]
    box_xywh: Float32[np.ndarray, "n 4"]
    appearance: Int8[np.ndarray, "n channels"]

    look = Renamed("appearance")

    @classmethod
    def empty(cls) -> "Appearances":
        """No regions."""
        boxes, appearances = np.zeros((0, 4), np.float32), np.zeros((0, APPEARANCE_SIZE), np.int8)
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int32), boxes, appearances)

    @classmethod
    def of(cls, masks: KeyframeMasks, regions: Int64[np.ndarray, " n"]) -> "Appearances":
        """The keyframe masks that have an appearance embedding; regions[i] is the region of mask i."""
        seen = masks.appearance.any(axis=1)
        rles = masks.rles.take(np.flatnonzero(seen))
        return cls(
            regions[seen], rles.area_px().astype(np.int32), rles.boxes_xywh().astype(np.float32), masks.appearance[seen]
        )
