"""A visit: one clip crossed in one direction. The unit of work, of commit and of resumption."""

from dataclasses import dataclass, field, fields
from enum import StrEnum

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks
from overseg.data.terminations import Terminations


class Direction(StrEnum):
    """Which way masks are propagated through a clip."""

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, order=True)
class VisitKey:
    """Names a visit by what it does, not by when it was done.

    Attributes:
        round: 0 for the full run. What a budgeted run makes first has higher numbers, the coarser the higher.
        start: first frame of the clip: a keyframe, or in a preview the middle between two.
        stop: last frame of the clip, as well; equal to start where masks are only generated.
        direction: FORWARD propagates masks from start to stop.
    """

    round: int
    start: int
    stop: int
    direction: Direction

    @property
    def from_frame(self) -> int:
        """The end of the clip from which masks are propagated."""
        return self.start if self.direction is Direction.FORWARD else self.stop

    @property
    def to_frame(self) -> int:
        """The end of the clip at which they arrive."""
        return self.stop if self.direction is Direction.FORWARD else self.start


@dataclass(frozen=True)
class Edges:
    """A propagated mask met a mask of a keyframe: the two may be the same region of the video.

    Attributes:
        region_from: region that was propagated.
        region_to: region that it met.
        frame: the keyframe on which they met.
        iou: intersection over union of the two masks there, in (0, 1].
    """

    region_from: Int64[np.ndarray, " e"]
    region_to: Int64[np.ndarray, " e"]
    frame: Int32[np.ndarray, " e"]
    iou: Float32[np.ndarray, " e"]

    @classmethod
    def empty(cls) -> "Edges":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))

    @classmethod
    def concatenate(cls, tables: "list[Edges]") -> "Edges":
        """The edges of all tables, in order."""
        return cls(*(np.concatenate([getattr(t, f.name) for t in (cls.empty(), *tables)]) for f in fields(cls)))

    def __len__(self) -> int:
        return len(self.region_from)


@dataclass(frozen=True)
class Frontier:
    """Masks that reached a keyframe, met nothing there, and are propagated on. Their masks are rows of the visit.

    Attributes:
        region: the regions propagated on, most valuable first.
        missed: how many keyframes in a row each has passed without meeting a mask.
    """

    region: Int64[np.ndarray, " f"]
    missed: Int8[np.ndarray, " f"]

    @classmethod
    def empty(cls) -> "Frontier":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int8))

    def __len__(self) -> int:
        return len(self.region)


@dataclass(frozen=True)
class Visit:
    """What one visit found. Committed as a whole or not at all.

    Attributes:
        key: which visit.
        masks: all rows found, ordered by (frame, region).
        endings: where and why what was propagated ended, ordered by region.
        edges: what met at the keyframe that the visit arrived at.
        frontier: what goes on from there.
        looks: what the masks that were made on a keyframe look like.
        seconds: time spent, by stage. Not part of the result: two equal runs differ in it.
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
        """A visit on which nothing met and from which nothing goes on."""
        return cls(
            key, masks, terminations, Edges.empty(), Frontier.empty(), appearances or Appearances.empty(), seconds or {}
        )


@dataclass(frozen=True)
class Outline:
    """A visit's rows without their masks: what association needs of a long video, small enough for memory."""

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
