"""The annotated frames of a result, with the true and the found masks of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.label_map import paint
from overseg.data.rles import Rles
from overseg.evaluate.truth import Truth
from overseg.stages import MasksByFrame

_MASKS_AT_ONCE = 64


@dataclass(frozen=True)
class AnnotatedFrame:
    """One frame. Void pixels are in none of the masks.

    Attributes:
        frame: its number in the store.
        tracks, found: the tracks seen there and their masks, none of them empty.
        objects, truth: the objects annotated there and their masks; an empty one is an object that is not seen.
        seen: for each of the objects whether it is seen.
    """

    frame: int
    tracks: Int32[np.ndarray, " n"]
    found: Rles
    objects: Int32[np.ndarray, " o"]
    truth: Rles

    @property
    def seen(self) -> Int64[np.ndarray, " s"]:
        """Rows of the objects that are seen."""
        return np.flatnonzero(self.truth.area_px() > 0)

    @cached_property
    def row_at(self) -> Int32[np.ndarray, "h w"]:
        """For each pixel the row of the smallest mask found over it; -1 where there is none."""
        return smallest_on_top(self.found, self.tracks)


def smallest_on_top(masks: Rles, numbers: Int32[np.ndarray, " n"]) -> Int32[np.ndarray, "h w"]:
    """For each pixel the row of the smallest mask over it; of equal ones that with the largest number. -1 for none."""
    return paint(masks, np.lexsort((numbers, -masks.area_px())))


def annotated_frames(result: MasksByFrame, truth: Truth) -> Iterator[AnnotatedFrame]:
    """Every annotated frame, ascending."""
    starts = np.flatnonzero(np.diff(truth.frame, prepend=-1))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(truth.frame)], strict=True):
        frame = int(truth.frame[start])
        void = truth.void.get(frame)
        masks = result.masks_at(frame)
        found = outside(masks.rles, void)
        left = np.flatnonzero(found.area_px() > 0)
        known = outside(truth.rles.take(range(start, stop)), void)
        yield AnnotatedFrame(frame, masks.track[left], found.take(left), truth.object[start:stop], known)


def outside(rles: Rles, void: Rles | None) -> Rles:
    """The masks without the pixels of another mask."""
    if void is None:
        return rles
    kept = ~void.to_masks()
    batches = (rles.take(range(at, min(at + _MASKS_AT_ONCE, len(rles)))) for at in range(0, len(rles), _MASKS_AT_ONCE))
    return Rles.concatenate(rles.size, (Rles.from_masks(batch.to_masks() & kept) for batch in batches))
