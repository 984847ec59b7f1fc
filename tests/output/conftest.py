"""One store for all tests that only read it."""

import pytest
from output.output_samples import write_store, write_toy_video

from overseg.store.result import Result


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Of the toy video, `toy.mp4`."""
    folder = tmp_path_factory.mktemp("rendered")
    return write_store(folder / "toy.zarr", write_toy_video(folder / "toy.mp4"))
