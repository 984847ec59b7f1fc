"""The edits that a person can make to a result."""

from dataclasses import dataclass, field
from typing import ClassVar

Masks = tuple[tuple[int, bytes], ...]
"""(frame, mask) in ascending order of frames, each mask as a compressed COCO string; empty where there is none."""


@dataclass(frozen=True)
class TrackRef:
    """A track as the journal names it, so that it is found again after `relink` and in a continued run.

    Attributes:
        track: its number when the edit was made; -1 for a track that an edit made.
        made_by: number of the entry that made the track; -1 for a track of the run.
        regions: some of the regions that it consists of, ascending; none for a track that an edit made.
    """

    track: int = -1
    made_by: int = -1
    regions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Name:
    """Give a track a name and a category; an empty name takes both away."""

    kind: ClassVar[str] = "name"
    track: TrackRef
    name: str
    category: str


@dataclass(frozen=True)
class Merge:
    """Make several tracks one. On a frame where several have a mask, their union is shown."""

    kind: ClassVar[str] = "merge"
    track: TrackRef
    others: tuple[TrackRef, ...]


@dataclass(frozen=True)
class Split:
    """Cut a track in two: its masks from frame `at` on become a new track."""

    kind: ClassVar[str] = "split"
    track: TrackRef
    at: int


@dataclass(frozen=True)
class Drop:
    """Delete one or several tracks."""

    kind: ClassVar[str] = "drop"
    track: TrackRef
    others: tuple[TrackRef, ...] = ()


@dataclass(frozen=True)
class Restore:
    """Bring a deleted track back."""

    kind: ClassVar[str] = "restore"
    track: TrackRef


@dataclass(frozen=True)
class Correct:
    """Replace the masks of a track on some frames; an empty mask takes it away there.

    Attributes:
        how: "drawn" by a person, "prompted" from clicks, or "propagated" from a corrected frame.
    """

    kind: ClassVar[str] = "correct"
    track: TrackRef
    masks: Masks
    how: str = "drawn"


@dataclass(frozen=True)
class New:
    """Make a new track of masks.

    Attributes:
        part_of: the smallest track that contains it; None if none does.
        how: as in `Correct`.
    """

    kind: ClassVar[str] = "new"
    masks: Masks
    part_of: TrackRef | None = None
    how: str = "drawn"


@dataclass(frozen=True)
class Undo:
    """Take the last edit back that was not taken back."""

    kind: ClassVar[str] = "undo"


@dataclass(frozen=True)
class Redo:
    """Make the edit again that was taken back last; not possible after another edit."""

    kind: ClassVar[str] = "redo"


Edit = Name | Merge | Split | Drop | Restore | Correct | New | Undo | Redo
MAKES_A_TRACK = (Split, New)


@dataclass(frozen=True)
class Entry:
    """One entry of the journal.

    Attributes:
        number: from 1, in order.
        time: when it was made, UTC, as ISO 8601.
        version: the `version` of the result that it was made for.
        edit: what was done.
    """

    number: int
    time: str
    version: str
    edit: Edit = field(compare=True)
