"""Writing that is there as a whole under its name, or not at all, and never beside it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from overseg.errors import InputError
from overseg.store.durable import OURS, temporary_beside


@contextmanager
def written(destination: Path, *, overwrite: bool, ours: Sequence[str] = ()) -> Iterator[Path]:
    """An empty folder to fill, which takes the name `destination` when the block ends, and is gone when it fails.

    Where the name has an ending, such as `.json`, it is a file's: the one file in the folder then takes it.

    Args:
        destination: what is written; its folder is there.
        overwrite: replace what has that name. A folder is only replaced if all in it has a name that the new
            one has too.
        ours: names that may be in a folder that is replaced, whether the new one has them or not.

    Raises:
        InputError: there is something of that name that may not be replaced, or it cannot be written.
    """
    destination = Path(os.path.abspath(destination))
    _check_free(destination, overwrite=overwrite)
    temporary = temporary_beside(destination)
    try:
        temporary.mkdir()
        yield temporary
        if is_file_name(destination):
            (content,) = temporary.iterdir()
            os.replace(content, destination)
        else:
            _give_name(temporary, destination, ours)
    except OSError as e:
        raise InputError(
            f"cannot write {destination}: {e.strerror or e}; check that its folder exists, is writable and has room"
        ) from e
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_file_name(destination: Path) -> bool:
    """Whether a destination is one file, by its name."""
    return destination.suffix.lower() in (".json", ".csv", ".txt", ".xml", ".rrd")


def _check_free(destination: Path, *, overwrite: bool) -> None:
    if not os.path.lexists(destination):
        return
    if not overwrite:
        raise InputError(f"{destination} exists already: choose another name, or replace it with --overwrite")
    if is_file_name(destination) is destination.is_dir():
        found = "a folder" if destination.is_dir() else "no folder"
        raise InputError(f"{destination} is {found} and is not replaced: choose another name")


def _give_name(temporary: Path, destination: Path, ours: Sequence[str]) -> None:
    old = None
    if destination.exists():
        known = {*ours, *(path.name for path in temporary.iterdir())}
        foreign = sorted(
            path.name for path in destination.iterdir() if path.name not in known and not path.name.startswith(OURS)
        )
        if foreign:
            raise InputError(
                f"{destination} holds {foreign[0]}, which the new one does not have, and is not replaced: "
                "choose another name, or remove it"
            )
        old = temporary_beside(destination)
        os.rename(destination, old)
    os.rename(temporary, destination)
    if old is not None:
        shutil.rmtree(old)
