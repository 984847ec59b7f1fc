"""What edits do to the masks of one frame: a few steps in the order of the edits, with tracks by number.

The numbers are those of one result; `plan.py` finds them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Part = int | bytes
"""A stored row by its number, or a mask of an edit as a compressed COCO string."""

Pieces = dict[int, tuple[Part, ...]]
"""The masks of one frame by track. Of several parts the union is shown."""


@dataclass(frozen=True)
class Move:
    """The masks of tracks become those of another.

    Attributes:
        sources: the tracks.
        target: the other one.
        from_frame: only from this frame on.
    """

    sources: tuple[int, ...]
    target: int
    from_frame: int = 0

    def on(self, frame: int, pieces: Pieces) -> None:
        """Change the masks of one frame."""
        if frame < self.from_frame:
            return
        for source in self.sources:
            parts = pieces.pop(source, None)
            if parts is not None:
                pieces[self.target] = pieces.get(self.target, ()) + parts


@dataclass(frozen=True)
class Put:
    """A track has other masks on some frames.

    Attributes:
        target: the track.
        masks: by frame; empty where it has none any more.
    """

    target: int
    masks: Mapping[int, bytes]

    @property
    def sources(self) -> tuple[int, ...]:
        """The tracks that the masks come from: none."""
        return ()

    def on(self, frame: int, pieces: Pieces) -> None:
        """Change the masks of one frame."""
        counts = self.masks.get(frame)
        if counts is None:
            return
        if counts:
            pieces[self.target] = (counts,)
        else:
            pieces.pop(self.target, None)


Step = Move | Put


def applied(frame: int, pieces: Pieces, steps: Iterable[Step]) -> Pieces:
    """Return the masks of one frame after these steps.

    Example: a merge of two tracks, of which one was corrected on this frame.
        >>> applied(4, {1: (10,), 2: (11,)}, [Put(2, {4: b"04"}), Move((2,), 1)])
        {1: (10, b'04')}
    """
    after = dict(pieces)
    for step in steps:
        step.on(frame, after)
    return after


def origins(tracks: Iterable[int], steps: Sequence[Step]) -> tuple[set[int], list[Step]]:
    """Return the tracks whose masks may become those of `tracks`, and the steps that matter for them.

    Example:
        >>> origins([1], [Move((2,), 1), Move((4,), 3)])
        ({1, 2}, [Move(sources=(2,), target=1, from_frame=0)])
    """
    needed, relevant = set(tracks), []
    for step in reversed(steps):
        if step.target in needed or needed.intersection(step.sources):
            needed.update(step.sources)
            relevant.append(step)
    return needed, relevant[::-1]
