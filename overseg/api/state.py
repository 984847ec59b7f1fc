"""How far the work on a store is, without opening it for writing."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from overseg.errors import StoreError

if TYPE_CHECKING:
    from overseg.store.result import Result


@dataclass(frozen=True)
class StoreState:
    """How far the work on a store is.

    Attributes:
        exists: whether there is a store.
        is_written: whether a process is writing it.
        is_final: whether nothing is left to do.
        facts: about the current result, as from `gist_of`; empty without one.
    """

    exists: bool
    is_written: bool
    is_final: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def state_of(place: str) -> StoreState:
    """How far the work on the store at a path or address is.

    Raises:
        StoreError: the store is damaged or of another format version, or cannot be read.
    """
    from overseg.store.places import folder_at
    from overseg.store.progress import progress
    from overseg.store.result import open_result
    from overseg.store.root import is_store

    folder = folder_at(place)
    try:
        exists, is_written = is_store(folder), folder.is_locked()
    except OSError as e:
        raise StoreError(f"cannot read the store {place}: {e}; check address and permissions") from e
    if not exists:
        return StoreState(exists, is_written)
    found = progress(place)
    return StoreState(exists, is_written, found.final, gist_of(open_result(place)) if found.has_result else {})


def gist_of(result: "Result") -> dict[str, Any]:
    """What a table of many results says of each, in JSON."""
    return {
        "frames": len(result.frames),
        "tracks": len(result.tracks),
        "masks": int(result.frames.n_masks.sum()),
        "coverage": round(result.coverage, 4),
        "stop_reason": result.summary["stop_reason"],
        **{name: result.summary[name] for name in ("work", "seconds_total") if name in result.summary},
    }
