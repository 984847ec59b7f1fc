"""Opening a store for writing: what may be made, gone on with, overwritten, and what is refused."""

from dataclasses import replace

from overseg.errors import StoreError
from overseg.files.atomic import OURS
from overseg.store.folder import Folder
from overseg.store.part import part_key
from overseg.store.root import PARTS, RESULTS, Root, differences, is_store, read_root, write_group, write_root


def prepare_folder(store: Folder) -> None:
    """Make the store's folder, or see that the one there may be used.

    Raises:
        StoreError: something else lies there, which is never touched.
    """
    if store.exists() and not is_store(store):
        found = _foreign(store)
        if found:
            raise StoreError(
                f"expected a store, an empty folder or nothing at {store}, found {found}; "
                "it is left as it is: choose another path"
            )
    store.make()


def begin(store: Folder, root: Root, *, overwrite: bool) -> Root:
    """Bring a locked folder to a state in which `root`'s run can go on; returns what the store then says.

    The store of another run is begun anew where nothing was committed to it yet.

    Raises:
        StoreError: it is the store of another run, or of a newer format.
    """
    if is_store(store):
        stored = read_root(store)
        differing = differences(stored, root)
        if overwrite or (differing and _holds_nothing(store, stored)):
            _empty(store, stored)
            write_root(store, root)
        elif differing:
            raise StoreError(
                f"the store {store} belongs to another run: {differing}; use --overwrite to replace it, or another path"
            )
        else:
            root = replace(stored, provenance=root.provenance)
    else:
        write_root(store, root)
    tidy(store, root)
    if not root.final:
        (store / PARTS).make()
    (store / RESULTS).make()
    write_group(store / RESULTS, {})
    return root


def tidy(store: Folder, root: Root, *, keep_parts: bool = False) -> None:
    """Remove what `root` does not need: half-written files, results that are not current, visits after the end.

    Args:
        keep_parts: visits are needed, even after the end.
    """
    results = store / RESULTS
    for folder in (store, store / PARTS, results):
        folder.clear_drafts()
    for name in results.names():
        if name.isdecimal() and name != root.result:
            (results / name).remove_all()
    if root.final and not keep_parts:
        (store / PARTS).remove_all()


def _empty(store: Folder, stored: Root) -> None:
    """Throw the run away, in steps that each leave a valid store of it; the first shows that it can be written."""
    write_root(store, stored.with_result(None, final=False))
    (store / PARTS).remove_all()


def _holds_nothing(store: Folder, stored: Root) -> bool:
    """Whether its run ended before anything was found, as with weights that could not be loaded."""
    return stored.result is None and not any(part_key(name) for name in (store / PARTS).names())


def _foreign(folder: Folder) -> str:
    """What lies there and was not made here; empty if nothing does."""
    try:
        names = [name for name in folder.names() if not name.startswith(OURS)]
    except NotADirectoryError:
        return "a file"
    return names[0] if names else ""
