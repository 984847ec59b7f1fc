"""Writing that is atomic: a file or folder is complete under its name, or it is not there at all.

Functions that say so are also durable: what they wrote survives a power cut.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

OURS = ".overseg-"  # prefix of the names of all temporary files and locks: a check for foreign files skips them
TEMPORARY = f"{OURS}tmp-"  # prefix of the names of everything that is not finished, or is being removed
_SYNCS_AT_ONCE = 16


def temporary_beside(path: Path, *, prefix: str = TEMPORARY) -> Path:
    """An unused name in the folder of `path`. Renaming it to `path` is atomic."""
    return path.with_name(f"{prefix}{uuid.uuid4().hex[:12]}")


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield the name of a temporary file beside `path`, and rename it to `path` when the block ends.

    If the block fails, the temporary file is removed, and a file at `path` stays as it was.

    Args:
        path: the file to write or replace.
        durable: wait until the file and its name are on the disk.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write or replace a file, atomically and durably."""
    with replacing(path, durable=True) as temporary:
        temporary.write_bytes(content)


def publish_folder(temporary: Path, path: Path) -> None:
    """Rename a finished folder to `path`, after all files in it are on the disk. Atomic and durable."""
    sync_tree(temporary)
    os.rename(temporary, path)
    sync(path.parent)


def sync_tree(tree: Path) -> None:
    """Wait until a folder and all files in it are on the disk. Targets of links are not waited for."""
    paths = [entry.path for entry in _entries(tree) if not entry.is_symlink()]
    with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:  # a file system combines these: 15,000 files in 2 s instead of 11
        list(pool.map(_sync_all, (paths[start::_SYNCS_AT_ONCE] for start in range(_SYNCS_AT_ONCE))))
    sync(tree)


def _entries(folder: Path | str) -> Iterator["os.DirEntry[str]"]:
    """All that lies in a folder and in the folders in it. Targets of links are not entered."""
    for entry in os.scandir(folder):
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)


def _sync_all(paths: list[str]) -> None:
    for path in paths:
        sync(path)


def sync(path: Path | str) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_folder(source: Path, path: Path) -> None:
    """Make a second folder with the same files: hard links where the file system has them, else copies."""

    def link(file: str, other: str) -> None:
        try:
            os.link(file, other)
        except OSError:
            shutil.copyfile(file, other)

    shutil.copytree(source, path, copy_function=link)


def remove_folder(path: Path) -> None:
    """Remove a folder. It is renamed first, so that no reader finds a part of it. A file is not removed."""
    if path.is_dir():
        temporary = temporary_beside(path)
        os.rename(path, temporary)
        sync(path.parent)
        shutil.rmtree(temporary)


def clear_temporaries(folder: Path) -> None:
    """Remove the unfinished files and folders that a killed process left in `folder`."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
