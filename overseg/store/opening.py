"""Opening a store for writing: creating, resuming, overwriting or refusing it."""

from dataclasses import replace

from overseg.errors import StoreError
from overseg.files.atomic import OURS
from overseg.store.folder import Folder
from overseg.store.part import part_key
from overseg.store.root import PARTS, RESULTS, Root, differences, is_store, read_root, write_group, write_root


def prepare_folder(store: Folder) -> None:
    """Create the store's folder, or check that an existing one may be used.

    Raises:
        StoreError: the folder holds something else, which is never changed.
    """
    if store.exists() and not is_store(store):
        found = _foreign(store)
        if found:
            raise StoreError(
                f"expected a store, an empty folder or nothing at {store}, found {found}; "
                "it is not changed: choose another path"
            )
    store.make()


def begin(store: Folder, root: Root, *, overwrite: bool) -> Root:
    """Prepare a locked folder for the run of `root`, and return the root that the store then has.

    The store of another run is replaced if nothing was committed to it yet.

    Raises:
        StoreError: it is the store of another run, or of a newer format.
    """
    if is_store(store):
        stored = read_root(store)
        differing = differences(stored, root)
        if overwrite or (differing and _is_empty(store, stored)):
            _empty(store, stored)
            write_root(store, root)
        else:
            refuse_other_run(store, stored, root)
            root = replace(stored, provenance=root.provenance)
    else:
        write_root(store, root)
    tidy(store, root)
    if not root.final:
        (store / PARTS).make()
    (store / RESULTS).make()
    write_group(store / RESULTS, {})
    return root


def generator_of_begun(store: Folder) -> str | None:
    """The generator of the run that the store is of, once its shots are found; None before, and where it is damaged."""
    try:
        stored = read_root(store)
    except StoreError:
        return None  # whoever opens it is told why
    settings = stored.identity.get("settings")
    return settings.get("generator") if stored.shots is not None and isinstance(settings, dict) else None


def refuse_other_run(store: Folder, stored: Root, root: Root) -> None:
    """Refuse with StoreError to continue a store with another video or other settings than its own."""
    if differing := differences(stored, root):
        raise StoreError(
            f"the store {store} belongs to another run: {differing}; use --overwrite to replace it, or another path"
        )


def tidy(store: Folder, root: Root, *, keep_parts: bool = False, keep_result: str | None = None) -> None:
    """Remove what `root` does not need: unfinished files, results that are not current, and visits of a final store.

    Args:
        keep_parts: keep the visits of a final store, for a repair.
        keep_result: keep this result, too, which others may be reading.
    """
    results = store / RESULTS
    for folder in (store, store / PARTS, results):
        folder.clear_drafts()
    for name in results.names():
        if name.isdecimal() and name not in (root.result, keep_result):
            (results / name).remove_all()
    if root.final and not keep_parts:
        (store / PARTS).remove_all()


def _empty(store: Folder, stored: Root) -> None:
    """Remove a run's result and visits. Each step leaves a valid store, and the first shows that it is writable."""
    write_root(store, stored.with_result(None, final=False))
    (store / PARTS).remove_all()


def _is_empty(store: Folder, stored: Root) -> bool:
    """Whether the store's run ended before its first commit, for example because weights could not be loaded."""
    return stored.result is None and not any(part_key(name) for name in (store / PARTS).names())


def _foreign(folder: Folder) -> str:
    """The name of something in the folder that overseg did not make, or "a file"; empty if there is nothing."""
    try:
        names = [name for name in folder.names() if not name.startswith(OURS)]
    except NotADirectoryError:
        return "a file"
    return names[0] if names else ""
