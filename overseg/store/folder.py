"""Where a store lies, as the store's other files see it: all that they ask of a disk or of an object store."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

import zarr

METADATA = "zarr.json"  # of a zarr group, and of a store


@runtime_checkable
class Lock(Protocol):
    """Keeps other processes from writing."""

    def release(self) -> None:
        """Let others write; does nothing the second time."""
        ...


@runtime_checkable
class Folder(Protocol):
    """A folder of a store. Names are relative to it; what fails raises OSError, with a reason that can be told."""

    @property
    def address(self) -> str | Path:
        """What `folder_at` was given, or would take for this folder."""
        ...

    def __str__(self) -> str: ...

    def __truediv__(self, name: str) -> "Folder":
        """The folder of this name within it."""
        ...

    def kept_at_hand(self) -> "Folder":
        """The same folder, for files that never change: where reading takes long, each is read once and kept here."""
        ...

    def exists(self) -> bool:
        """Whether there is anything of this name."""
        ...

    def make(self) -> None:
        """See that it can be written into."""
        ...

    def names(self) -> list[str]:
        """What is in it; nothing where there is no such folder. NotADirectoryError where it is a file."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file in it."""
        ...

    def sizes(self) -> dict[str, int]:
        """Size in bytes of every file in it and in the folders within, by its path from here."""
        ...

    def read(self, name: str) -> bytes:
        """A file's content; FileNotFoundError where there is none."""
        ...

    def array(self, path: str) -> zarr.Array:
        """A zarr array in it, to read. Read its chunks under `errors`."""
        ...

    def errors(self) -> AbstractContextManager[None]:
        """Turns what is raised under this block where it lies into OSError."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file that is kept, whole and under its name, when this returns; replaces one that is there."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        ...

    def remove_all(self) -> None:
        """Remove it with all that is in it. Its `zarr.json` goes first, so that nobody takes a half of it for all."""
        ...

    def new_draft(self) -> Path:
        """An empty folder on this machine's disk, to fill and to publish here."""
        ...

    def clear_drafts(self) -> None:
        """Remove what was not published, what a killed process left half-written, and what was kept at hand."""
        ...

    def publish(self, draft: Path, name: str) -> None:
        """Bring a finished draft here as the folder `name`. Its `zarr.json` comes last: with it all of it is there."""
        ...

    def copy(self, name: str, draft: Path) -> None:
        """Put what is in the folder `name` into a draft, under the same name."""
        ...

    def lock(self) -> Lock:
        """Become its only writer; StoreError where another process is."""
        ...
