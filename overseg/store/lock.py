"""The lock of a store on a disk: one writer at a time."""

import fcntl
import os
from pathlib import Path

from overseg.errors import StoreError
from overseg.files.atomic import OURS

LOCK_NAME = f"{OURS}lock"


class StoreLock:
    """Held by the process that writes a store. The kernel releases it when the process ends, in any way.

    Raises:
        StoreError: another process holds it.
    """

    def __init__(self, store: Path) -> None:
        self._path = store / LOCK_NAME
        while True:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                os.close(self._descriptor)
                raise StoreError(
                    f"another process is writing the store {store}; wait until it ends, or choose another path"
                ) from e
            except OSError:
                return  # this file system has no locks: continue without one
            if self._is_the_file_on_disk():
                return
            os.close(self._descriptor)  # its last holder removed the file before this process locked it

    def release(self) -> None:
        """Let others write. A second call does nothing."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_the_file_on_disk(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False
