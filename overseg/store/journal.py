"""The committed visits of a store that is not final, each in a file of its own, called a part."""

from collections.abc import Iterable

from overseg.data.appearances import Appearances
from overseg.data.visit import Edges, Outline, Visit, VisitKey
from overseg.store.folder import Folder
from overseg.store.part import (
    encode_visit,
    part_key,
    part_name,
    read_appearances,
    read_outline,
    read_seconds,
    read_visit,
)


class Journal:
    """Committed visits by key. One process at a time has it open.

    Attributes:
        parts: the folder of the parts.
    """

    def __init__(self, parts: Folder, size: tuple[int, int]) -> None:
        """
        Args:
            parts: the folder; it need not exist yet.
            size: (height, width) of every mask, in pixels.
        """
        self.parts = parts.cached()
        self._size = size
        self._keys = _keys_in(parts)
        self._seconds: dict[str, float] | None = None

    def look_again(self) -> None:
        """Note what other processes have committed since. Nobody removes anything meanwhile."""
        self._keys |= _keys_in(self.parts)

    def keys(self) -> frozenset[VisitKey]:
        """The committed visits."""
        return frozenset(self._keys)

    def add(self, visit: Visit) -> None:
        """Commit a visit atomically. If OSError is raised, nothing of it is kept.

        Raises:
            ValueError: it was committed before, or has rows outside its clip.
        """
        key, frame = visit.key, visit.masks.frame
        if key in self._keys:
            raise ValueError(f"expected a visit that is not yet in {self.parts}, got {key}")
        if len(frame) and not key.start <= frame.min() <= frame.max() <= key.stop:
            raise ValueError(f"expected rows on frames {key.start} to {key.stop}, got {frame.min()} to {frame.max()}")
        self.parts.write(part_name(key), encode_visit(visit))
        self._keys.add(key)
        if self._seconds is not None:
            _add(self._seconds, visit.seconds)

    def discard(self, keys: Iterable[VisitKey]) -> None:
        """Remove visits; KeyError if one is not committed."""
        lost = [self._kept(key) for key in keys]
        self.parts.remove(map(part_name, lost))
        self._keys.difference_update(lost)
        self._seconds = None

    def mark_uncommitted(self, keys: Iterable[VisitKey]) -> None:
        """Forget that these visits are committed. Their files stay until visits with the same keys replace them."""
        self._keys.difference_update(keys)
        self._seconds = None

    def forget(self) -> None:
        """Forget all visits, after their folder was removed."""
        self._keys.clear()
        self._seconds = None

    def read(self, key: VisitKey) -> Visit:
        """A visit; KeyError if it is not committed."""
        return read_visit(self.parts, self._kept(key), self._size)

    def outline(self, key: VisitKey) -> tuple[Outline, Edges]:
        """A visit without its masks; KeyError if it is not committed."""
        return read_outline(self.parts, self._kept(key))

    def appearances(self, key: VisitKey) -> Appearances:
        """The appearance embeddings of the regions that a visit made; KeyError if it is not committed."""
        return read_appearances(self.parts, self._kept(key))

    def seconds(self) -> dict[str, float]:
        """Time that all visits took, in seconds by stage."""
        if self._seconds is None:
            self._seconds = {}
            for key in sorted(self._keys):
                _add(self._seconds, read_seconds(self.parts, key))
        return dict(self._seconds)

    def _kept(self, key: VisitKey) -> VisitKey:
        if key not in self._keys:
            raise KeyError(key)
        return key


def _keys_in(parts: Folder) -> set[VisitKey]:
    return {key for name in parts.names() if (key := part_key(name))}


def _add(total: dict[str, float], seconds: dict[str, float]) -> None:
    for stage, spent in seconds.items():
        total[stage] = total.get(stage, 0.0) + spent
