"""Folders on this machine's disk that last no longer than the process that fills them."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from overseg.store.durable import hold

_PREFIX = "overseg-draft-"


class Scratch:
    """An empty folder where temporary files go. What killed processes left there is removed first.

    Attributes:
        path: the folder.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        for left in place.glob(f"{_PREFIX}*"):
            with suppress(OSError):  # its process lives, or it is another user's
                os.close(hold(left))
                shutil.rmtree(left)
        unnamed = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
        self._descriptor = hold(unnamed)
        self.path = unnamed.with_name(unnamed.name.removeprefix("new-"))
        unnamed.rename(self.path)  # only what is held has a name at which others look

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)
