"""Temporary folders on the local disk. They are removed when the process that fills them ends."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from overseg.files.holding import hold, remove_abandoned

_PREFIX = "overseg-draft-"


class Scratch:
    """A new folder for temporary files, removed with this object. What killed processes left is removed first.

    Attributes:
        path: the folder.
        remove: call it to remove the folder and its content. A second call does nothing.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        remove_abandoned(place.glob(f"{_PREFIX}*"))
        unnamed = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}"))
        descriptor = hold(unnamed)
        self.path = unnamed.with_name(unnamed.name.removeprefix("new-"))
        unnamed.rename(self.path)  # now that it is held: others remove folders of this name that are not
        self.remove = weakref.finalize(self, _remove, self.path, descriptor)


def _remove(path: Path, descriptor: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(descriptor)
