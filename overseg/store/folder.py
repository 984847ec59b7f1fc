"""The Protocol of a store's folder: all operations that a store needs of a file system or an object store."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import zarr

METADATA = "zarr.json"  # of a zarr group, and of a store

Item = TypeVar("Item")
T = TypeVar("T")


@runtime_checkable
class Lock(Protocol):
    """Keeps other processes from writing."""

    def release(self) -> None:
        """Let others write. A second call does nothing."""
        ...


@runtime_checkable
class Folder(Protocol):
    """A folder of a store. Names are relative to it. Failures raise OSError with a reason in one line."""

    @property
    def address(self) -> str | Path:
        """The path or address of this folder, as `folder_at` takes it."""
        ...

    @property
    def reads_at_once(self) -> int:
        """Number of files to read at once: more than 1 where each is a request, slow to answer."""
        ...

    def __str__(self) -> str: ...

    def __truediv__(self, name: str) -> "Folder":
        """The folder of this name inside it."""
        ...

    def cached(self) -> "Folder":
        """The same folder, for files that never change. If reading is slow, each file is read once and kept locally."""
        ...

    def exists(self) -> bool:
        """Whether this folder, or a file of this name, exists."""
        ...

    def make(self) -> None:
        """Create the folder, unless it exists."""
        ...

    def names(self) -> list[str]:
        """Names of the files and folders in it; none if it does not exist. NotADirectoryError if it is a file."""
        ...

    def has(self, name: str) -> bool:
        """Whether it has such a file."""
        ...

    def sizes(self) -> dict[str, int]:
        """Size in bytes of every file in it and in its subfolders, by relative path."""
        ...

    def read(self, name: str) -> bytes:
        """A file's content; FileNotFoundError if there is none."""
        ...

    def array(self, path: str) -> "zarr.Array":
        """A zarr array in it, for reading. Read its chunks inside `errors`."""
        ...

    def errors(self) -> AbstractContextManager[None]:
        """A block inside which errors of the storage become OSError."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write or replace a file, atomically and durably."""
        ...

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a file, or begin one, durably. If it fails or is killed, a part may have been added."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        ...

    def remove_all(self) -> None:
        """Remove it with its content. Its `zarr.json` goes first, so that no reader takes the rest for a result."""
        ...

    def new_draft(self) -> Path:
        """A new folder on the local disk, to fill and to publish here."""
        ...

    def clear_drafts(self) -> None:
        """Remove drafts that were not published, unfinished files of killed processes, and local copies."""
        ...

    def publish(self, draft: Path, name: str) -> None:
        """Make a finished draft the folder `name`. Its `zarr.json` comes last, and makes it complete."""
        ...

    def copy(self, name: str, draft: Path) -> None:
        """Copy the folder `name` into a draft, under the same name."""
        ...

    def lock(self, part: str | None = None) -> Lock:
        """Become its only writer, or the only one of a part of its visits.

        Args:
            part: a name of letters, digits and dashes. Writers of parts exclude a writer of the whole.

        Raises:
            StoreBusyError: another process is such a writer.
        """
        ...

    def lock_named(self, name: str) -> Lock:
        """Become the only holder of a lock that excludes no writer, for work beside them.

        Args:
            name: of the lock's file.

        Raises:
            StoreBusyError: another process holds it.
        """
        ...

    def is_locked(self) -> bool:
        """Whether a process is its writer. Changes nothing."""
        ...


def read_each(folder: Folder, read: Callable[[Item], T], items: Iterable[Item]) -> Iterator[T]:
    """The results of reading something of a folder for each item, in order; several at once where that is quicker."""
    if folder.reads_at_once == 1:
        yield from map(read, items)
        return
    with ThreadPoolExecutor(folder.reads_at_once) as pool:
        yield from pool.map(read, items)
