"""A store in the file system."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.files.atomic import (
    clear_temporaries,
    link_folder,
    publish_folder,
    remove_folder,
    sync,
    temporary_beside,
    write_durably,
)
from overseg.store.folder import Lock
from overseg.store.lock import NamedLock, PartLock, StoreLock, is_locked

if TYPE_CHECKING:
    import zarr


@dataclass(frozen=True)
class DiskFolder:
    """A Folder of the file system."""

    path: Path

    @property
    def address(self) -> Path:
        return self.path

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> "DiskFolder":
        return DiskFolder(self.path / name)

    def cached(self) -> "DiskFolder":
        return self

    def exists(self) -> bool:
        return self.path.exists()

    def make(self) -> None:
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            sync(self.path.parent)

    @property
    def reads_at_once(self) -> int:
        return 1

    def names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def sizes(self) -> dict[str, int]:
        found = {}
        for inner, _, names in os.walk(self.path):
            place = Path(inner).relative_to(self.path).as_posix()
            for name in names:
                with suppress(FileNotFoundError):  # removed in the meantime
                    found[name if place == "." else f"{place}/{name}"] = os.stat(os.path.join(inner, name)).st_size
        return found

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def array(self, path: str) -> "zarr.Array":
        import zarr

        return zarr.open_array(self.path / path, mode="r", zarr_format=3)

    @contextmanager
    def errors(self) -> Iterator[None]:
        yield

    def write(self, name: str, content: bytes) -> None:
        write_durably(self.path / name, content)

    def append(self, name: str, content: bytes) -> None:
        is_new = not self.has(name)
        with (self.path / name).open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync(self.path)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink()
        sync(self.path)

    def remove_all(self) -> None:
        remove_folder(self.path)

    def new_draft(self) -> Path:
        draft = temporary_beside(self.path / "draft")
        draft.mkdir()
        return draft

    def clear_drafts(self) -> None:
        clear_temporaries(self.path)

    def publish(self, draft: Path, name: str) -> None:
        publish_folder(draft, self.path / name)

    def copy(self, name: str, draft: Path) -> None:
        link_folder(self.path / name, draft / name)

    def lock(self, part: str | None = None) -> Lock:
        return StoreLock(self.path) if part is None else PartLock(self.path, part)

    def lock_named(self, name: str) -> Lock:
        return NamedLock(self.path, name)

    def is_locked(self) -> bool:
        return is_locked(self.path)
