"""Folders for tests that wait for the disk at every step."""

import os
import shutil
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 << 30  # for the folders of a whole session


def put_folders_in_memory() -> None:
    """Have pytest make its `tmp_path` and others in memory, where there is room: a disk makes every fsync wait."""
    if os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free >= ENOUGH_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def folder_in_memory() -> tempfile.TemporaryDirectory[str]:
    """On a disk that never makes anyone wait, if there is one."""
    return tempfile.TemporaryDirectory(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None)
