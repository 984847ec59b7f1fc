"""Tables of masks: those of a generator, and the rows that the store keeps."""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float32, Int, Int8, Int32, Int64, UInt8

from overseg.data.columns import Columns
from overseg.data.masklets import Masklets
from overseg.data.renamed import Renamed
from overseg.data.rles import Rles

APPEARANCE_SIZE = 64


@dataclass(frozen=True)
class KeyframeMasks(Columns):
    """The masks that a generator found on one keyframe. They may overlap.

    Attributes:
        rles: the masks.
        predicted_iou: the model's own estimate of each mask's quality, in [0, 1]; 1 where there is none.
        stability_score: IoU of the mask with itself at a higher and a lower threshold, in [0, 1]; 1 where unknown.
        sam_output: which of SAM's multimask outputs it is (0 subpart, 1 part, 2 whole); -1 where unknown.
        sam_outputs: the SAM outputs of the mask and of its duplicates: bit k (value 2**k) is set for output k; 0 where
            unknown.
        point_xy: the prompt point in pixels of this frame (x right, y down); NaN where there was none.
        appearance: its appearance embedding, a rounded vector of length 127. The angle between the embeddings of
            similar masks is small. Zeros where there is none.
    """

    rles: Rles
    predicted_iou: Float32[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    sam_output: Int8[np.ndarray, " n"]
    sam_outputs: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]
    appearance: Int8[np.ndarray, "n channels"]

    level, levels, look = Renamed("sam_output"), Renamed("sam_outputs"), Renamed("appearance")

    @classmethod
    def from_rles(cls, rles: Rles) -> "KeyframeMasks":
        """Masks without any further information."""
        n = len(rles)
        return cls(
            rles=rles,
            predicted_iou=np.ones(n, np.float32),
            stability_score=np.ones(n, np.float32),
            sam_output=np.full(n, -1, np.int8),
            sam_outputs=np.zeros(n, np.uint8),
            point_xy=np.full((n, 2), np.nan, np.float32),
            appearance=np.zeros((n, APPEARANCE_SIZE), np.int8),
        )


def sam_outputs_of(sam_output: Int8[np.ndarray, " n"]) -> UInt8[np.ndarray, " n"]:
    """The column `sam_outputs` of masks without duplicates.

    >>> sam_outputs_of(np.array([-1, 0, 1, 2], np.int8)).tolist()
    [0, 1, 2, 4]
    """
    return np.where(sam_output < 0, 0, 1 << sam_output.clip(min=0)).astype(np.uint8)


@dataclass(frozen=True)
class RefinedMasks:
    """Propagated masks refined by a model; those that it does not confirm have no row.

    Attributes:
        prompt: row number of the propagated mask, ascending.
        rles: the masks.
        predicted_iou: the generator's own estimate of each mask's IoU, in [0, 1].
    """

    prompt: Int64[np.ndarray, " n"]
    rles: Rles
    predicted_iou: Float32[np.ndarray, " n"]


class Source(IntEnum):
    """Where a mask comes from. No stored mask comes from an EDIT, which lies beside the result."""

    KEYFRAME = 0
    FORWARD = 1
    BACKWARD = 2
    EDIT = 3


@dataclass(frozen=True)
class Masks(Columns):
    """Stored masks: of one visit, of one frame, or of one track.

    Attributes:
        rles: the masks.
        frame: index of the frame on which each lies.
        region: id of the keyframe mask that it is, or that was propagated to it (see `region_id`).
        source: KEYFRAME, or the direction in which it was propagated.
        score: predicted IoU of a keyframe mask, support of a propagated one, in [0, 1].
        stability_score: as in KeyframeMasks; NaN for propagated masks.
        sam_output: as in KeyframeMasks; -1 for propagated masks.
        sam_outputs: as in KeyframeMasks; 0 for propagated masks.
        point_xy: as in KeyframeMasks; NaN for propagated masks.
    """

    rles: Rles
    frame: Int32[np.ndarray, " n"]
    region: Int64[np.ndarray, " n"]
    source: Int8[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    sam_output: Int8[np.ndarray, " n"]
    sam_outputs: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]

    level, levels = Renamed("sam_output"), Renamed("sam_outputs")

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "Masks":
        """No masks, of pictures of this size."""
        return cls.from_keyframe(KeyframeMasks.from_rles(Rles.empty(size)), frame=0, round_=0)

    @classmethod
    def from_keyframe(cls, masks: KeyframeMasks, *, frame: int, round_: int) -> "Masks":
        """Rows for a keyframe's own masks, each a new region."""
        n = len(masks)
        return cls(
            rles=masks.rles,
            frame=np.full(n, frame, np.int32),
            region=region_id(frame, round_, np.arange(n)),
            source=np.full(n, Source.KEYFRAME, np.int8),
            score=masks.predicted_iou,
            stability_score=masks.stability_score,
            sam_output=masks.sam_output,
            sam_outputs=masks.sam_outputs,
            point_xy=masks.point_xy,
        )

    @classmethod
    def from_masklets(cls, masklets: Masklets, *, regions: Int64[np.ndarray, " p"], source: Source) -> "Masks":
        """Rows for propagated masks; `regions` has the region of each prompt."""
        masks, n = masklets.masks, len(masklets.masks)
        return cls(
            rles=masks.rles,
            frame=masks.frame,
            region=regions[masks.prompt],
            source=np.full(n, source, np.int8),
            score=masks.score,
            stability_score=np.full(n, np.nan, np.float32),
            sam_output=np.full(n, -1, np.int8),
            sam_outputs=np.zeros(n, np.uint8),
            point_xy=np.full((n, 2), np.nan, np.float32),
        )

    def redrawn(self, rows: Int[np.ndarray, " k"], rles: Rles, score: Float32[np.ndarray, " k"]) -> "Masks":
        """The table with other masks and scores in these rows."""
        scores = self.score.copy()
        scores[rows] = score
        return replace(self, rles=self.rles.with_rows(rows, rles), score=scores)


@dataclass(frozen=True)
class TrackMasks(Columns):
    """Masks of a finished result: of one frame, or of one track.

    Attributes:
        rles: the masks.
        track: id of the track that each belongs to.
        frame, region, source, score, stability_score, sam_output, sam_outputs, point_xy: as in Masks.
    """

    rles: Rles
    track: Int32[np.ndarray, " n"]
    frame: Int32[np.ndarray, " n"]
    region: Int64[np.ndarray, " n"]
    source: Int8[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    sam_output: Int8[np.ndarray, " n"]
    sam_outputs: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]

    level, levels = Renamed("sam_output"), Renamed("sam_outputs")


ROUND_BITS, ROW_BITS = 4, 20


def region_id(frame: int, round_: int, row: Int[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Ids of keyframe masks: frame, round and row in one integer, so that they do not depend on the order of work."""
    return (np.int64(frame) << (ROUND_BITS + ROW_BITS)) | (np.int64(round_) << ROW_BITS) | row.astype(np.int64)


def keyframe_of(region: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The keyframe on which each region was made."""
    return region >> (ROUND_BITS + ROW_BITS)


def made_on(region: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """A number for the keyframe and round of each region: equal for regions that were made together."""
    return region >> ROW_BITS
