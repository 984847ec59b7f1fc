"""Atomic writing: a file or folder gets its name when it is complete, and nothing else is written."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from overseg.errors import InputError
from overseg.files.atomic import OURS, TEMPORARY, sync, sync_tree, temporary_beside
from overseg.files.holding import hold, remove_abandoned


@contextmanager
def written(destination: Path, *, overwrite: bool, ours: Sequence[str] = ()) -> Iterator[Path]:
    """An empty folder to fill. It gets the name `destination` when the block ends, and is removed when the block fails.

    Where the name has the suffix of a file, such as `.json`, the one file in the folder gets the name. Everything is
    synced to the disk first. Remains of a killed process that wrote the same destination are removed at the start.

    Args:
        destination: the file or folder to write; its parent exists.
        overwrite: replace an existing file or folder of that name. A folder is only replaced if everything in it has
            a name that the new one has too.
        ours: names that a replaced folder may contain, even if the new one does not have them.

    Raises:
        InputError: something of that name exists and may not be replaced, or it cannot be written.
    """
    destination = Path(os.path.abspath(destination))
    try:
        _clear_after_killed(destination)
        check_free(destination, overwrite=overwrite)
        with _held_folder(destination) as temporary:
            yield temporary
            sync_tree(temporary)
            check_free(destination, overwrite=overwrite)  # again, since another process may have written it
            if is_file_name(destination):
                (content,) = temporary.iterdir()
                os.replace(content, destination)
            else:
                _give_name(temporary, destination, ours)
            sync(destination.parent)
    except OSError as e:
        raise InputError(
            f"cannot write {destination}: {e.strerror or e}; check that its folder exists, is writable and has room"
        ) from e


def check_replaceable(folder: Path, is_known: Callable[[str], bool]) -> None:
    """Refuse with InputError to replace a folder that holds a name which the new one does not have."""
    names = sorted(path.name for path in folder.iterdir())
    foreign = next((name for name in names if not (name.startswith(OURS) or is_known(name))), None)
    if foreign is not None:
        raise InputError(
            f"{folder} holds {foreign}, which the new one does not have, and is not replaced: "
            "choose another name, or remove it"
        )


def is_file_name(destination: Path) -> bool:
    """Whether a destination is one file, by its suffix."""
    return destination.suffix.lower() in (
        ".json",
        ".jsonl",
        ".csv",
        ".npz",
        ".onnx",
        ".png",
        ".pt",
        ".txt",
        ".xml",
        ".rrd",
    )


def check_free(destination: Path, *, overwrite: bool) -> None:
    """Refuse with InputError a destination that exists and may not be replaced."""
    if not os.path.lexists(destination):
        return
    if not overwrite:
        raise InputError(f"{destination} exists already: choose another name, or replace it with --overwrite")
    if is_file_name(destination) is destination.is_dir():
        found = "a folder" if destination.is_dir() else "no folder"
        raise InputError(f"{destination} is {found} and is not replaced: choose another name")


def _give_name(temporary: Path, destination: Path, ours: Sequence[str]) -> None:
    if not destination.exists():
        os.rename(temporary, destination)
        return
    check_replaceable(destination, lambda name: name in ours or (temporary / name).exists())
    aside = _aside(destination)
    os.rename(destination, aside)
    os.rename(temporary, destination)
    _remove(aside, destination)


def _clear_after_killed(destination: Path) -> None:
    """Restore a destination whose replacement was interrupted, and remove incomplete folders."""
    aside = _aside(destination)
    if aside.exists():
        if os.path.lexists(destination):
            _remove(aside, destination)
        else:
            os.rename(aside, destination)
    remove_abandoned(destination.parent.glob(f"{_prefix(destination)}*"))


def _remove(aside: Path, destination: Path) -> None:
    """Remove a folder; it is renamed first, so that a folder of the name `aside` is always complete."""
    temporary = temporary_beside(destination, prefix=_prefix(destination))
    os.rename(aside, temporary)
    shutil.rmtree(temporary)


@contextmanager
def _held_folder(destination: Path) -> Iterator[Path]:
    """A new folder beside the destination, locked while this process lives, and removed at the end."""
    temporary = temporary_beside(destination, prefix=_prefix(destination))
    temporary.mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        with suppress(OSError):  # this file system has no locks: what a kill leaves stays until somebody removes it
            stack.callback(os.close, hold(temporary))
        yield temporary


def _prefix(destination: Path) -> str:
    """The beginning of the names of incomplete folders for this destination."""
    return f"{TEMPORARY}{_digest(destination)}-"


def _aside(destination: Path) -> Path:
    """The path of the complete older version while it is being replaced."""
    return destination.with_name(f"{OURS}aside-{_digest(destination)}")


def _digest(destination: Path) -> str:
    """A short text that stands for a name of any length."""
    return hashlib.sha256(os.fsencode(destination.name)).hexdigest()[:12]
