"""A visit: one clip propagated in one direction. The unit of work, of commits and of resuming."""

from dataclasses import dataclass, field, fields
from enum import StrEnum

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks
from overseg.data.terminations import Terminations


class Direction(StrEnum):
    """Direction in which masks are propagated through a clip."""

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, order=True)
class VisitKey:
    """Identifies a visit by the work that it does.

    Attributes:
        round: 0 for the full run. The rounds that a budgeted run makes first have higher numbers, the coarser the
            higher.
        start: first frame of the clip: a keyframe, or the middle between two in a preview.
        stop: last frame of the clip, likewise; equal to start if masks are only generated.
        direction: FORWARD propagates masks from start to stop, BACKWARD from stop to start.
    """

    round: int
    start: int
    stop: int
    direction: Direction

    @property
    def from_frame(self) -> int:
        """The frame from which masks are propagated."""
        return self.start if self.direction is Direction.FORWARD else self.stop

    @property
    def to_frame(self) -> int:
        """The frame to which masks are propagated."""
        return self.stop if self.direction is Direction.FORWARD else self.start


@dataclass(frozen=True)
class Edges:
    """Overlaps of a propagated mask and another mask on a keyframe: the two may be the same region of the video.

    Attributes:
        region_from: region of the propagated mask.
        region_to: region of the other mask.
        frame: the keyframe.
        iou: intersection over union of the two masks there, in (0, 1].
    """

    region_from: Int64[np.ndarray, " e"]
    region_to: Int64[np.ndarray, " e"]
    frame: Int32[np.ndarray, " e"]
    iou: Float32[np.ndarray, " e"]

    @classmethod
    def empty(cls) -> "Edges":
        """No edges."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))

    @classmethod
    def concatenate(cls, tables: "list[Edges]") -> "Edges":
        """The edges of all tables, in order."""
        return cls(*(np.concatenate([getattr(t, f.name) for t in (cls.empty(), *tables)]) for f in fields(cls)))

    def __len__(self) -> int:
        return len(self.region_from)


@dataclass(frozen=True)
class Frontier:
    """Unmatched masks that are propagated on past a keyframe. The masks themselves are rows of the visit.

    Attributes:
        region: their regions, the most valuable first.
        missed: how many keyframes in a row each has passed without a match.
    """

    region: Int64[np.ndarray, " f"]
    missed: Int8[np.ndarray, " f"]

    @classmethod
    def empty(cls) -> "Frontier":
        """No masks."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int8))

    def __len__(self) -> int:
        return len(self.region)


@dataclass(frozen=True)
class Visit:
    """The results of one visit. A store has all of them or none.

    Attributes:
        key: identifies the visit.
        masks: all masks, ordered by (frame, region).
        terminations: where and why the masklets ended, ordered by region.
        edges: overlaps on the keyframe at the end of the visit.
        frontier: masks that are propagated on from there.
        appearances: appearance embeddings of the regions that the visit made.
        seconds: time by stage. It is no part of the result: it differs between equal runs.
    """

    key: VisitKey
    masks: Masks
    terminations: Terminations
    edges: Edges
    frontier: Frontier
    appearances: Appearances = field(default_factory=Appearances.empty)
    seconds: dict[str, float] = field(default_factory=dict, compare=False)

    @classmethod
    def of_masks(
        cls,
        key: VisitKey,
        masks: Masks,
        terminations: Terminations,
        seconds: dict[str, float] | None = None,
        *,
        appearances: Appearances | None = None,
    ) -> "Visit":
        """A visit without edges and frontier."""
        return cls(
            key, masks, terminations, Edges.empty(), Frontier.empty(), appearances or Appearances.empty(), seconds or {}
        )


@dataclass(frozen=True)
class Outline:
    """Rows without their masks: all that association needs, small enough to fit into memory for a long video."""

    frame: Int32[np.ndarray, " n"]
    region: Int64[np.ndarray, " n"]
    source: Int8[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]
    sam_output: Int8[np.ndarray, " n"]
    area_px: Int32[np.ndarray, " n"]

    def cut(self, span: slice) -> "Outline":
        """The rows of a span."""
        return Outline(*(getattr(self, f.name)[span] for f in fields(self)))

    @classmethod
    def concatenate(cls, parts: "list[Outline]") -> "Outline":
        """The rows of all parts (at least one), in order."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))
