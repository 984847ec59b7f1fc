"""The store waits for the disk at every step; its tests use a folder in memory if they can."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from in_memory import folder_in_memory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Like pytest's own, in memory."""
    with folder_in_memory() as folder:
        yield Path(folder)
