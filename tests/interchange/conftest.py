"""One run for all tests, which only read it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from interchange.interchange_samples import write_result

from overseg.interchange.exporting import Exported, export
from overseg.interchange.importing import import_masks
from overseg.store.result import Result


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Of the toy video, from a folder of images."""
    return write_result(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def exported(result, tmp_path) -> Callable[..., Path]:
    """Exports the run in a format into the test's folder; returns where it lies."""

    def write(format: str, name: str = "out", **options) -> Path:
        assert isinstance(export(result, tmp_path / name, format=format, **options), Exported)
        return tmp_path / name

    return write


@pytest.fixture
def returned(exported, tmp_path) -> Callable[..., Result]:
    """Exports the run in a format and imports it again."""

    def go(format: str, **options) -> Result:
        return import_masks(exported(format, **options), tmp_path / "again.zarr", format=format)

    return go
