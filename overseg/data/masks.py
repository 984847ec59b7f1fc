"""Tables of masks: what a generator returns, what a propagator returns, and the rows that the store keeps."""

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Int, Int8, Int32, Int64, UInt8

from overseg.data.rles import Rles

Table = TypeVar("Table", bound="Columns")  # not Self: the runtime type checks of the tests decorate single methods


class Columns:
    """Row selection and joining, shared by the frozen column tables below."""

    def __len__(self) -> int:
        return len(self.rles)  # type: ignore[attr-defined]

    def take(self: Table, rows: Int[np.ndarray, " k"] | Bool[np.ndarray, " n"]) -> Table:
        """The rows at these numbers, in this order, or where a boolean array is true."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        columns = {
            f.name: getattr(self, f.name).take(at) if f.name == "rles" else getattr(self, f.name)[at]
            for f in fields(self)  # type: ignore[arg-type]
        }
        return replace(self, **columns)  # type: ignore[type-var]

    @classmethod
    def concatenate(cls: type[Table], tables: list[Table]) -> Table:
        """The rows of all tables (at least one), in order."""
        names = [f.name for f in fields(cls) if f.name != "rles"]  # type: ignore[arg-type]
        rles = Rles.concatenate(tables[0].rles.size, (t.rles for t in tables))  # type: ignore[attr-defined]
        columns = {name: np.concatenate([getattr(t, name) for t in tables]) for name in names}
        return cls(rles=rles, **columns)  # type: ignore[call-arg]


@dataclass(frozen=True)
class KeyframeMasks(Columns):
    """The masks a generator found on one keyframe. They may overlap.

    Attributes:
        rles: the masks.
        predicted_iou: the model's own estimate of each mask's quality, in [0, 1]; 1 where there is none.
        stability_score: IoU of the mask with itself at a higher and a lower threshold, in [0, 1]; 1 where unknown.
        level: which of SAM's multimask outputs it is (0 subpart, 1 part, 2 whole); -1 where unknown.
        levels: of it and of the duplicates that it stands for: bit k (value 2**k) is set for level k; 0 where unknown.
        point_xy: the prompt point in pixels of this frame (x right, y down); NaN where there was none.
    """

    rles: Rles
    predicted_iou: Float32[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    level: Int8[np.ndarray, " n"]
    levels: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]

    @classmethod
    def from_rles(cls, rles: Rles) -> "KeyframeMasks":
        """Masks of which nothing but the shape is known."""
        n = len(rles)
        return cls(
            rles=rles,
            predicted_iou=np.ones(n, np.float32),
            stability_score=np.ones(n, np.float32),
            level=np.full(n, -1, np.int8),
            levels=np.zeros(n, np.uint8),
            point_xy=np.full((n, 2), np.nan, np.float32),
        )


class End(IntEnum):
    """Why a masklet has no mask on the next frame in its direction."""

    NONE = 0  # it has one
    CLIP = 1  # the clip has no next frame
    GONE = 2  # the model says that the object is not in the picture
    SMALL = 3  # its mask there is smaller than the minimum area
    LOST = 4  # too little of it could be followed there


@dataclass(frozen=True)
class Masklets(Columns):
    """Masks carried through one clip. Rows are ordered by (prompt, distance from the prompt's frame).

    The prompt's own frame has no row; the far end of the clip has one for every masklet that reached it.

    Attributes:
        rles: the masks.
        prompt: row number of the prompt mask that was carried.
        frame: index of the frame on which the mask lies.
        score: how well this mask is supported, in [0, 1].
        end: why the masklet has no mask on the next frame; NONE where it has one.
    """

    rles: Rles
    prompt: Int32[np.ndarray, " n"]
    frame: Int32[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]
    end: Int8[np.ndarray, " n"]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "Masklets":
        """No masks, of pictures of this size."""
        whole = np.zeros(0, np.int32)
        return cls(Rles.empty(size), whole, whole, np.zeros(0, np.float32), np.zeros(0, np.int8))

    @classmethod
    def in_order(cls, steps: "list[Masklets]", ends: Int8[np.ndarray, " p"], size: tuple[int, int]) -> "Masklets":
        """One table of the rows of all frames, which come in the order of their distance from the prompts' frame.

        Args:
            steps: the rows of each frame, of whose `end` nothing is known yet.
            ends: by prompt, why its masklet has no mask on the frame after its last.
            size: (height, width) in pixels of every mask.
        """
        rows = cls.concatenate([cls.empty(size), *steps])
        rows = rows.take(np.argsort(rows.prompt, kind="stable"))
        is_last = np.append(rows.prompt[1:] != rows.prompt[:-1], True)[: len(rows)]
        return replace(rows, end=np.where(is_last, ends[rows.prompt], End.NONE).astype(np.int8))


def levels_of(level: Int8[np.ndarray, " n"]) -> UInt8[np.ndarray, " n"]:
    """The column `levels` of masks that stand for themselves alone.

    >>> levels_of(np.array([-1, 0, 1, 2], np.int8)).tolist()
    [0, 1, 2, 4]
    """
    return np.where(level < 0, 0, 1 << level.clip(min=0)).astype(np.uint8)


class Source(IntEnum):
    """Where a stored mask comes from."""

    KEYFRAME = 0
    FORWARD = 1
    BACKWARD = 2


@dataclass(frozen=True)
class Masks(Columns):
    """Stored masks: of one visit, of one frame, or of one track.

    Attributes:
        rles: the masks.
        frame: index of the frame on which each lies.
        region: id of the keyframe mask that it is, or that was carried to it (see `region_id`).
        source: KEYFRAME, or the direction in which it was carried.
        score: predicted IoU of a keyframe mask, support of a carried one, in [0, 1].
        end: as in Masklets; NONE for keyframe masks.
        stability_score: as in KeyframeMasks; NaN for carried masks.
        level: as in KeyframeMasks; -1 for carried masks.
        levels: as in KeyframeMasks; 0 for carried masks.
        point_xy: as in KeyframeMasks; NaN for carried masks.
    """

    rles: Rles
    frame: Int32[np.ndarray, " n"]
    region: Int64[np.ndarray, " n"]
    source: Int8[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]
    end: Int8[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    level: Int8[np.ndarray, " n"]
    levels: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "Masks":
        return cls.from_keyframe(KeyframeMasks.from_rles(Rles.empty(size)), frame=0, round_=0)

    @classmethod
    def from_keyframe(cls, masks: KeyframeMasks, *, frame: int, round_: int) -> "Masks":
        """Rows for a keyframe's own masks; they name the regions."""
        n = len(masks)
        return cls(
            rles=masks.rles,
            frame=np.full(n, frame, np.int32),
            region=region_id(frame, round_, np.arange(n)),
            source=np.full(n, Source.KEYFRAME, np.int8),
            score=masks.predicted_iou,
            end=np.full(n, End.NONE, np.int8),
            stability_score=masks.stability_score,
            level=masks.level,
            levels=masks.levels,
            point_xy=masks.point_xy,
        )

    @classmethod
    def from_masklets(cls, masklets: Masklets, *, regions: Int64[np.ndarray, " p"], source: Source) -> "Masks":
        """Rows for carried masks; `regions` names the region of each prompt."""
        n = len(masklets)
        return cls(
            rles=masklets.rles,
            frame=masklets.frame,
            region=regions[masklets.prompt],
            source=np.full(n, source, np.int8),
            score=masklets.score,
            end=masklets.end,
            stability_score=np.full(n, np.nan, np.float32),
            level=np.full(n, -1, np.int8),
            levels=np.zeros(n, np.uint8),
            point_xy=np.full((n, 2), np.nan, np.float32),
        )


@dataclass(frozen=True)
class TrackMasks(Columns):
    """Masks of a finished result: of one frame, or of one track.

    Attributes:
        rles: the masks.
        track: id of the track that each belongs to.
        frame, region, source, score, end, stability_score, level, levels, point_xy: as in Masks.
    """

    rles: Rles
    track: Int32[np.ndarray, " n"]
    frame: Int32[np.ndarray, " n"]
    region: Int64[np.ndarray, " n"]
    source: Int8[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]
    end: Int8[np.ndarray, " n"]
    stability_score: Float32[np.ndarray, " n"]
    level: Int8[np.ndarray, " n"]
    levels: UInt8[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n 2"]


ROUND_BITS, ROW_BITS = 4, 20


def region_id(frame: int, round_: int, row: Int[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Name of a keyframe mask that does not depend on the order of work: frame, round and row in one integer."""
    return (np.int64(frame) << (ROUND_BITS + ROW_BITS)) | (np.int64(round_) << ROW_BITS) | row.astype(np.int64)


def keyframe_of(region: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The frames of the keyframe masks that these regions are."""
    return region >> (ROUND_BITS + ROW_BITS)


def made_on(region: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Equal for regions that were made on one keyframe in one round, and for no others."""
    return region >> ROW_BITS
