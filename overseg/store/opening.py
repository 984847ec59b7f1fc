"""Opening a store for writing: what may be made, gone on with, overwritten, and what is refused."""

from dataclasses import replace
from pathlib import Path

from overseg.errors import StoreError
from overseg.store.durable import OURS, clear_temporaries, remove_folder, sync
from overseg.store.part import part_key
from overseg.store.root import PARTS, RESULTS, Root, differences, is_store, read_root, write_group, write_root


def prepare_folder(path: Path) -> None:
    """Make the store's folder, or see that the one there may be used.

    Raises:
        StoreError: something else lies at `path`, which is never touched.
    """
    if path.exists() and not is_store(path):
        found = _foreign(path)
        if found:
            raise StoreError(
                f"expected a store, an empty folder or nothing at {path}, found {found}; "
                "it is left as it is: choose another path"
            )
    if not path.exists():
        path.mkdir(parents=True)
        sync(path.parent)


def begin(path: Path, root: Root, *, overwrite: bool) -> Root:
    """Bring the locked folder at `path` to a state in which `root`'s run can go on; returns what the store then says.

    The store of another run is begun anew where nothing was committed to it yet.

    Raises:
        StoreError: it is the store of another run, or of a newer format.
    """
    if is_store(path):
        stored = read_root(path)
        differing = differences(stored, root)
        if overwrite or (differing and _holds_nothing(path, stored)):
            _empty(path, stored)
            write_root(path, root)
        elif differing:
            raise StoreError(
                f"the store {path} belongs to another run: {differing}; use --overwrite to replace it, or another path"
            )
        else:
            root = replace(stored, provenance=root.provenance)
    else:
        write_root(path, root)
    tidy(path, root)
    if not root.final:
        (path / PARTS).mkdir(exist_ok=True)
    (path / RESULTS).mkdir(exist_ok=True)
    write_group(path / RESULTS, {})
    return root


def tidy(path: Path, root: Root) -> None:
    """Remove what `root` does not need: half-written files, results that are not current, visits after the end."""
    for folder in (path, path / PARTS, path / RESULTS):
        clear_temporaries(folder)
    for result in (path / RESULTS).glob("[0-9]*"):
        if result.name != root.result:
            remove_folder(result)
    if root.final:
        remove_folder(path / PARTS)


def _empty(path: Path, stored: Root) -> None:
    """Throw the run away, in steps that each leave a valid store of it; the first shows that it can be written."""
    write_root(path, stored.with_result(None, final=False))
    remove_folder(path / PARTS)


def _holds_nothing(path: Path, stored: Root) -> bool:
    """Whether its run ended before anything was found, as with weights that could not be loaded."""
    return stored.result is None and not any(part_key(part.name) for part in (path / PARTS).glob("*"))


def _foreign(path: Path) -> str:
    """What lies at `path` and was not made here; empty if nothing does."""
    if not path.is_dir():
        return "a file"
    names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith(OURS))
    return names[0] if names else ""
