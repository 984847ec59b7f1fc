"""Looking for damage in all that a store holds."""

from dataclasses import dataclass
from pathlib import Path

from overseg.data.visit import VisitKey
from overseg.errors import StoreError
from overseg.store.integrity import all_damaged
from overseg.store.part import part_key, read_visit
from overseg.store.root import PARTS, RESULTS, read_attributes, read_root


@dataclass(frozen=True)
class Damage:
    """A file that is not as it was written.

    Attributes:
        path: the file.
        reason: what is wrong with it.
        visit: the visit that it holds; None for a file of the result.
    """

    path: Path
    reason: str
    visit: VisitKey | None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def find_damage(store: Path) -> list[Damage]:
    """Read everything in a store, and compare it with the checksums that were written with it.

    Raises:
        StoreError: there is no store, or its root is damaged, so that nobody knows what it was.
    """
    root = read_root(store)
    damage = []
    for path in sorted((store / PARTS).glob("*")):
        key = part_key(path.name)
        if key is not None:
            try:
                read_visit(path, key, root.size)
            except StoreError as e:
                damage.append(Damage(path, str(e.__cause__ or e), key))
    if root.result is not None:
        folder = store / RESULTS / root.result
        try:
            files = read_attributes(folder)["files"]
        except StoreError as e:
            return [*damage, Damage(folder / "zarr.json", str(e.__cause__ or e), None)]
        damage += [Damage(path, reason, None) for path, reason in all_damaged(folder, files)]
    return damage
