"""One small result for all tests of edits, and copies of it."""

import shutil
from pathlib import Path

import pytest
from in_memory import folder_in_memory
from toy import ToyVideo, TruthGenerator
from toy_runs import run_toy


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory) -> Path:
    """Twelve frames in two shots; made once."""
    path = tmp_path_factory.mktemp("edits") / "toy.zarr"
    run_toy(path, TruthGenerator(ToyVideo(12, cut_at=8)))
    return path


@pytest.fixture
def store(toy_store):
    """A copy of it, in memory."""
    with folder_in_memory() as folder:
        yield Path(shutil.copytree(toy_store, Path(folder) / "toy.zarr"))
