"""Writing that is there as a whole under its name, or not at all, and never beside it."""

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
    """An empty folder to fill, which takes the name `destination` when the block ends, and is gone when it fails.

    Where the name has an ending, such as `.json`, it is a file's: the one file in the folder then takes it. All of it
    is on the disk when it gets its name. What a killed process left of the same destination is removed first.

    Args:
        destination: what is written; its folder is there.
        overwrite: replace what has that name. A folder is only replaced if all in it has a name that the new
            one has too.
        ours: names that may be in a folder that is replaced, whether the new one has them or not.

    Raises:
        InputError: there is something of that name that may not be replaced, or it cannot be written.
    """
    destination = Path(os.path.abspath(destination))
    try:
        _clear_after_killed(destination)
        check_free(destination, overwrite=overwrite)
        with _held_folder(destination) as temporary:
            yield temporary
            sync_tree(temporary)
            check_free(destination, overwrite=overwrite)  # again: somebody else may have written it by now
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
    """Refuse with InputError to replace a folder in which something has a name that the new one does not know."""
    names = sorted(path.name for path in folder.iterdir())
    foreign = next((name for name in names if not (name.startswith(OURS) or is_known(name))), None)
    if foreign is not None:
        raise InputError(
            f"{folder} holds {foreign}, which the new one does not have, and is not replaced: "
            "choose another name, or remove it"
        )


def is_file_name(destination: Path) -> bool:
    """Whether a destination is one file, by its name."""
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
    """Refuse with InputError a destination that is there and may not be replaced."""
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
    """Bring the destination back where it was just being replaced, and remove what was half-written."""
    aside = _aside(destination)
    if aside.exists():
        if os.path.lexists(destination):
            _remove(aside, destination)
        else:
            os.rename(aside, destination)
    remove_abandoned(destination.parent.glob(f"{_prefix(destination)}*"))


def _remove(aside: Path, destination: Path) -> None:
    """Under another name first, so that what lies aside is always whole."""
    temporary = temporary_beside(destination, prefix=_prefix(destination))
    os.rename(aside, temporary)
    shutil.rmtree(temporary)


@contextmanager
def _held_folder(destination: Path) -> Iterator[Path]:
    """A new folder beside the destination, locked as long as this process lives; gone at the end."""
    temporary = temporary_beside(destination, prefix=_prefix(destination))
    temporary.mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        with suppress(OSError):  # this file system has no locks: what a kill leaves stays until somebody removes it
            stack.callback(os.close, hold(temporary))
        yield temporary


def _prefix(destination: Path) -> str:
    """Begins the names of what is half-written and shall be this destination."""
    return f"{TEMPORARY}{_digest(destination)}-"


def _aside(destination: Path) -> Path:
    """Where an older one lies, whole, for the moment in which it is replaced."""
    return destination.with_name(f"{OURS}aside-{_digest(destination)}")


def _digest(destination: Path) -> str:
    """Stands for a name, whatever its length."""
    return hashlib.sha256(os.fsencode(destination.name)).hexdigest()[:12]
