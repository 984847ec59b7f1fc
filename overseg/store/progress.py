"""How far a store is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overseg.store.part import part_key
from overseg.store.places import folder_at
from overseg.store.root import PARTS, read_root


@dataclass(frozen=True)
class Progress:
    """The state of a store.

    Attributes:
        identity, provenance: as in Result.
        size: (height, width) of every mask, in pixels.
        n_visits: number of committed visits; 0 in a final store, which keeps none.
        has_result: whether there is a result to read.
        final: whether the run is complete.
    """

    identity: dict[str, Any]
    provenance: dict[str, Any]
    size: tuple[int, int]
    n_visits: int
    has_result: bool
    final: bool


def progress(path: str | Path) -> Progress:
    """The state of the store at `path`, with or without a result.

    Raises:
        StoreError: there is no store, or it has another format version.
    """
    folder = folder_at(path)
    root = read_root(folder)
    n_visits = sum(part_key(name) is not None for name in (folder / PARTS).names())
    return Progress(root.identity, root.provenance, root.size, n_visits, root.result is not None, root.final)
