"""Locks on temporary files and folders: they show whether the process that writes them is alive."""

import fcntl
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def hold(path: Path) -> int:
    """Lock a file or folder, and return its descriptor. Closing it, or the end of the process, releases the lock.

    Raises:
        OSError: another process holds the lock, or this file system has no locks.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Remove those of these files and folders that no process holds. Those that cannot be removed stay."""
    for path in paths:
        with suppress(OSError):  # its process is alive, it belongs to another user, or there are no locks
            descriptor = hold(path)
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            finally:
                os.close(descriptor)
