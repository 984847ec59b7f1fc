"""Folders for tests that wait for the disk at every step."""

import os
import tempfile
from pathlib import Path

IN_MEMORY = Path("/dev/shm")


def folder_in_memory() -> tempfile.TemporaryDirectory[str]:
    """On a disk that never makes anyone wait, if there is one."""
    return tempfile.TemporaryDirectory(dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None)
