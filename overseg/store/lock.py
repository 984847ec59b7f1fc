"""The locks of a store on a disk: one writer at a time, or one for each part of its visits."""

import fcntl
import os
import time
from pathlib import Path

from overseg.errors import StoreBusyError
from overseg.files.atomic import OURS

LOCK_NAME = f"{OURS}lock"
PART_LOCK = f"{OURS}part-lock-"  # and the part's name
_LOOKED_AT_S = 0.02  # `is_locked` holds the lock for less than this
_LOOKS = 5


def is_locked(store: Path) -> bool:
    """Whether a process is writing the store. Nothing is written for that, but for an instant the lock is held."""
    try:
        descriptor = os.open(store / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # this file system has no locks
    finally:
        os.close(descriptor)
    return False


class StoreLock:
    """Held by the process that writes a store. The kernel releases it when the process ends, in any way.

    Raises:
        StoreBusyError: another process holds it, or writes a part of the store's visits.
    """

    def __init__(self, store: Path) -> None:
        self._file = _LockFile(store, LOCK_NAME, fcntl.LOCK_EX)

    def release(self) -> None:
        """Let others write. A second call does nothing."""
        self._file.release(remove=True)


class PartLock:
    """Held by a process that adds a part of a store's visits, beside others that add other parts.

    Raises:
        StoreBusyError: another process writes this part, or all of the store.
    """

    def __init__(self, store: Path, part: str) -> None:
        self._of_store = _LockFile(store, LOCK_NAME, fcntl.LOCK_SH)
        try:
            self._of_part = _LockFile(store, f"{PART_LOCK}{part}", fcntl.LOCK_EX)
        except BaseException:
            self._of_store.release(remove=False)
            raise

    def release(self) -> None:
        """Let others write. A second call does nothing."""
        self._of_part.release(remove=True)
        self._of_store.release(remove=False)  # others hold it, too


class NamedLock:
    """Held by the only process that does one kind of work beside the writers, such as editing.

    Raises:
        StoreBusyError: another process holds it.
    """

    def __init__(self, store: Path, name: str) -> None:
        self._file = _LockFile(store, name, fcntl.LOCK_EX)

    def release(self) -> None:
        """Let others do it. A second call does nothing."""
        self._file.release(remove=True)


class _LockFile:
    """A locked file in a store's folder."""

    def __init__(self, store: Path, name: str, mode: int) -> None:
        self._path = store / name
        while True:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(self._descriptor, mode)
            except BlockingIOError as e:
                os.close(self._descriptor)
                raise StoreBusyError(
                    f"another process is writing the store {store}; wait until it ends, or choose another path"
                ) from e
            except OSError:
                return  # this file system has no locks: continue without one
            if self._is_the_file_on_disk():
                return
            os.close(self._descriptor)  # its last holder removed the file before this process locked it

    def release(self, *, remove: bool) -> None:
        if self._descriptor >= 0:
            if remove:
                self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_the_file_on_disk(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False


def _lock(descriptor: int, mode: int) -> None:
    """Lock a file; BlockingIOError where somebody holds the lock for longer than a look takes."""
    for _ in range(_LOOKS):
        try:
            return fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOKED_AT_S)
    fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
