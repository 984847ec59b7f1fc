"""Masks of objects that are known to be right: what every reader of ground truth returns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int32

from overseg.data.rles import Rles


@dataclass(frozen=True)
class Truth:
    """Objects and their masks on the annotated frames, ordered by (frame, object). Memory holds run lengths alone.

    Attributes:
        names: the objects, as the annotation calls them.
        rles: the masks; an empty one says that the object is not to be seen on that frame.
        frame: the store's frame on which each mask lies.
        object: row number in `names` of each mask's object. An object without a row on a frame is not annotated there.
        void: by frame, the pixels of which nothing is known; they count neither for nor against a track.
    """

    names: tuple[str, ...]
    rles: Rles
    frame: Int32[np.ndarray, " n"]
    object: Int32[np.ndarray, " n"]
    void: Mapping[int, Rles] = field(default_factory=dict)

    @classmethod
    def from_rows(
        cls,
        names: Iterable[str],
        rows: Iterable[tuple[int, int, bytes]],
        size: tuple[int, int],
        void: Mapping[int, Rles] | None = None,
    ) -> "Truth":
        """From rows (frame, object, COCO run lengths) in any order; two of one frame and object are joined."""
        merged: dict[tuple[int, int], bytes] = {}
        for frame, number, counts in rows:
            at = (frame, number)
            merged[at] = Rles(size, (merged[at], counts)).union().counts[0] if at in merged else counts
        ordered = sorted(merged)
        return cls(
            names=tuple(names),
            rles=Rles(size, tuple(merged[at] for at in ordered)),
            frame=np.array([frame for frame, _ in ordered], dtype=np.int32),
            object=np.array([number for _, number in ordered], dtype=np.int32),
            void=void or {},
        )

    @property
    def frames(self) -> Int32[np.ndarray, " f"]:
        """The annotated frames, ascending."""
        return np.unique(self.frame)

    def without_ends(self) -> "Truth":
        """The same without the first and the last annotated frame."""
        inner = np.flatnonzero(np.isin(self.frame, self.frames[1:-1]))
        return Truth(self.names, self.rles.take(inner), self.frame[inner], self.object[inner], self.void)


def no_mask(size: tuple[int, int]) -> bytes:
    """The COCO run lengths of an empty mask."""
    return Rles.empty(size).union().counts[0]
