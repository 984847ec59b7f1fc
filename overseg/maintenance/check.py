"""Finding damage in a store."""

from dataclasses import dataclass

from overseg.data.visit import VisitKey
from overseg.errors import StoreError
from overseg.store.folder import METADATA, Folder
from overseg.store.integrity import all_damaged
from overseg.store.part import part_key, read_visit
from overseg.store.root import PARTS, RESULTS, read_result_attributes, read_root


@dataclass(frozen=True)
class Damage:
    """A damaged file.

    Attributes:
        place: its folder: that of the visits, or of the result.
        name: its path in that folder.
        reason: the damage in words.
        visit: the visit in it; None for a file of the result.
    """

    place: str
    name: str
    reason: str
    visit: VisitKey | None

    def __str__(self) -> str:
        return f"{self.place}/{self.name}: {self.reason}"


def find_damage(store: Folder) -> list[Damage]:
    """Read all files of a store, and compare them with their checksums.

    Raises:
        StoreError: there is no store, or its root is damaged. Only the root says how the store was made.
    """
    root = read_root(store)
    damage = [] if root.final else damaged_visits(store / PARTS, root.size)  # a final store needs none
    if root.result is not None:
        result = store / RESULTS / root.result
        try:
            files = read_result_attributes(result)["files"]
        except StoreError as e:
            return [*damage, Damage(str(result), METADATA, str(e.__cause__ or e), None)]
        damage += [Damage(str(result), name, reason, None) for name, reason in all_damaged(result, files)]
    return damage


def damaged_visits(parts: Folder, size: tuple[int, int]) -> list[Damage]:
    """The visits in this folder that cannot be read; `size` is the (height, width) of their masks."""
    damage = []
    for name in parts.names():
        key = part_key(name)
        if key is not None:
            try:
                read_visit(parts, key, size)
            except StoreError as e:
                damage.append(Damage(str(parts), name, str(e.__cause__ or e), key))
    return damage
