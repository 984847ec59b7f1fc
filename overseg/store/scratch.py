"""Folders on this machine's disk that last no longer than the process that fills them."""

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

from overseg.store.durable import hold

_PREFIX = "overseg-draft-"


class Scratch:
    """An empty folder where temporary files go, gone with this object. What killed processes left is removed first.

    Attributes:
        path: the folder.
        remove: called, removes it with all that is in it; does nothing the second time.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        for left in place.glob(f"{_PREFIX}*"):
            with suppress(OSError):  # its process lives, or it is another user's
                os.close(hold(left))
                shutil.rmtree(left)
        unnamed = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
        descriptor = hold(unnamed)
        self.path = unnamed.with_name(unnamed.name.removeprefix("new-"))
        unnamed.rename(self.path)  # only what is held has a name at which others look
        self.remove = weakref.finalize(self, _remove, self.path, descriptor)


def _remove(path: Path, descriptor: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(descriptor)
