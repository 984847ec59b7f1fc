"""The store waits for the disk at every step; its tests do so in memory where they can."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from in_memory import folder_in_memory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """As pytest's own, in memory."""
    with folder_in_memory() as folder:
        yield Path(folder)
