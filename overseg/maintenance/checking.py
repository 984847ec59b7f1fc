"""Looking for damage in all that a store holds."""

from dataclasses import dataclass

from overseg.data.visit import VisitKey
from overseg.errors import StoreError
from overseg.store.folder import METADATA, Folder
from overseg.store.integrity import all_damaged
from overseg.store.part import part_key, read_visit
from overseg.store.root import PARTS, RESULTS, read_result_attributes, read_root


@dataclass(frozen=True)
class Damage:
    """A file that is not as it was written.

    Attributes:
        place: the folder that it is in: that of the visits, or of the result.
        name: its path in there.
        reason: what is wrong with it.
        visit: the visit that it holds; None for a file of the result.
    """

    place: str
    name: str
    reason: str
    visit: VisitKey | None

    def __str__(self) -> str:
        return f"{self.place}/{self.name}: {self.reason}"


def find_damage(store: Folder) -> list[Damage]:
    """Read everything in a store, and compare it with the checksums that were written with it.

    Raises:
        StoreError: there is no store, or its root is damaged, so that nobody knows what it was.
    """
    root = read_root(store)
    damage = [] if root.final else damaged_visits(store / PARTS, root.size)  # which mean nothing after the end
    if root.result is not None:
        result = store / RESULTS / root.result
        try:
            files = read_result_attributes(result)["files"]
        except StoreError as e:
            return [*damage, Damage(str(result), METADATA, str(e.__cause__ or e), None)]
        damage += [Damage(str(result), name, reason, None) for name, reason in all_damaged(result, files)]
    return damage


def damaged_visits(parts: Folder, size: tuple[int, int]) -> list[Damage]:
    """Of the visits in this folder, with masks of this size (height, width), those that cannot be read."""
    damage = []
    for name in parts.names():
        key = part_key(name)
        if key is not None:
            try:
                read_visit(parts, key, size)
            except StoreError as e:
                damage.append(Damage(str(parts), name, str(e.__cause__ or e), key))
    return damage
