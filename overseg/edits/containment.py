"""What contains what after edits."""

from collections import defaultdict

import numpy as np
from jaxtyping import Bool, Int32

from overseg.edits.plan import Plan
from overseg.edits.steps import Move, Put


def edited_parents(
    part_of: Int32[np.ndarray, " s"],
    plan: Plan,
    first_frame: Int32[np.ndarray, " t"],
    last_frame: Int32[np.ndarray, " t"],
    *,
    exists: Bool[np.ndarray, " t"],
) -> Int32[np.ndarray, " t"]:
    """Return the smallest track that contains each track after the edits; -1 if none does.

    The parts of a merged track are parts of what it was merged into. The parts of a track that was cut in two belong to
    the half that they share most frames with. The parts of a deleted track are parts of what contained it.

    Args:
        part_of: of the stored tracks.
        plan: the edits.
        first_frame, last_frame: of the tracks after the edits.
        exists: whether each track has masks after the edits.
    """
    tree = _Tree([*part_of.tolist(), *[-1] * (plan.n_tracks - len(part_of))])
    middle = ((first_frame.astype(np.int64) + last_frame) // 2).tolist()
    for step in plan.steps:
        if isinstance(step, Put):
            tree.put(step.target, plan.parents.get(step.target, tree.parents[step.target]))
        elif step.from_frame:
            tree.split(step, middle)
        else:
            for source in step.sources:
                tree.merge(source, step.target)
    found = np.where(exists, np.array(tree.parents, np.int32), np.int32(-1))
    of_none = (found >= 0) & ~(exists[found] & (found != np.arange(len(found))))
    for track in np.flatnonzero(of_none).tolist():  # few: parts of what is no more
        found[track] = _shown(tree.parents, track, exists)
    return found


class _Tree:
    """The parent of each track, and the parts of those that have some.

    Attributes:
        parents: by track; -1 for none.
    """

    def __init__(self, parents: list[int]) -> None:
        self.parents = parents
        self._parts: defaultdict[int, set[int]] = defaultdict(set)
        for track, parent in enumerate(parents):
            if parent >= 0:
                self._parts[parent].add(track)

    def put(self, track: int, parent: int) -> None:
        """Make a track part of another; -1 for none."""
        self._parts[self.parents[track]].discard(track)
        self.parents[track] = parent
        if parent >= 0:
            self._parts[parent].add(track)

    def merge(self, source: int, target: int) -> None:
        """The parts of one track become those of another."""
        if source in _above(self.parents, target):
            self.put(target, self.parents[source])
        for track in sorted(self._parts[source] - {target}):
            self.put(track, target)
        self.put(source, -1)

    def split(self, step: Move, middle: list[int]) -> None:
        """The later parts of a track become parts of the new one."""
        source, target = step.sources[0], step.target
        self.put(target, self.parents[source])
        for track in sorted(self._parts[source]):
            if middle[track] >= step.from_frame and track != target:
                self.put(track, target)


def _above(parents: list[int], track: int) -> list[int]:
    """All tracks that contain a track, the smallest first."""
    found: list[int] = []
    while (track := parents[track]) >= 0 and track not in found:
        found.append(track)
    return found


def _shown(parents: list[int], track: int, exists: Bool[np.ndarray, " t"]) -> int:
    """The smallest existing track that contains a track; -1 if none does."""
    return next((above for above in _above(parents, track) if exists[above] and above != track), -1)
