"""Exports, imports and relinks that are killed at any step: there is the old or the new, whole, and nothing remains."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from in_memory import folder_in_memory
from killing import OF_A_DISK, Killing

from overseg.api.relink import relink as relink_store
from overseg.data.filters import Filters
from overseg.errors import InputError
from overseg.files.destination import written
from overseg.interchange.exporting import export as write
from overseg.interchange.importing import import_masks
from overseg.report import TerminalReport
from overseg.store.result import open_result


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """As pytest's own, in memory."""
    with folder_in_memory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def killing() -> Killing:
    return Killing.of(OF_A_DISK)


def content(path: Path) -> dict[str, bytes]:
    """Every file by its name."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def export(store: Path, destination: Path, filters: Filters) -> None:
    write(open_result(store), destination, format="labelme", filters=filters, frames="copy", overwrite=True)


def export_file(store: Path, destination: Path, filters: Filters) -> None:
    write(open_result(store), destination, format="coco", filters=filters, overwrite=True)


@pytest.mark.parametrize(("work", "name"), [(export, "out"), (export_file, "out.json")])
def test_an_export(result, tmp_path, killing, work, name):
    store, old, new = result.path, Filters(end=3), Filters(min_area_px=100)
    (tmp_path / "whole").mkdir()
    work(store, tmp_path / "whole" / name, new)
    wanted = content(tmp_path / "whole" / name)
    (tmp_path / "steps").mkdir()
    work(store, tmp_path / "steps" / name, old)
    before = content(tmp_path / "steps" / name)
    steps = killing.steps(work, store, tmp_path / "steps" / name, new)
    assert len(steps) > 3
    for step in steps:
        folder = tmp_path / str(step)
        folder.mkdir()
        work(store, folder / name, old)
        killing.kill(work, store, folder / name, new, before=step)
        if (folder / name).exists():
            assert content(folder / name) in (before, wanted)
        (folder / "letter.txt").touch()
        with pytest.raises(InputError, match="exists already"):  # brought back where it was just being replaced
            write(result, folder / name, format="coco")
        assert content(folder / name) in (before, wanted)
        work(store, folder / name, new)
        assert content(folder / name) == wanted
        assert sorted(os.listdir(folder)) == ["letter.txt", name]


def do_import(source: Path, store: Path) -> None:
    import_masks(source, store, format="coco", overwrite=True)


def test_an_import(result, tmp_path, killing):
    for name, filters in (("old.json", Filters(end=3)), ("new.json", Filters())):
        write(result, tmp_path / name, format="coco", filters=filters)
        do_import(tmp_path / name, tmp_path / name.replace("json", "zarr"))
    hashes = [open_result(tmp_path / name).content_hash() for name in ("old.zarr", "new.zarr")]
    steps = killing.steps(do_import, tmp_path / "new.json", tmp_path / "old.zarr", at_most=8)
    for step in steps:
        folder = tmp_path / str(step)
        folder.mkdir()
        store = folder / "out.zarr"
        do_import(tmp_path / "old.json", store)
        killing.kill(do_import, tmp_path / "new.json", store, before=step)
        if store.exists():
            assert open_result(store).content_hash() in hashes
        do_import(tmp_path / "new.json", store)
        assert open_result(store).content_hash() == hashes[1]
        assert os.listdir(folder) == ["out.zarr"]


def relink(store: Path, match_iou: float) -> None:
    relink_store(store, match_iou=match_iou, report=TerminalReport(quiet=True))


def test_a_relink(result, tmp_path, killing):
    wanted = shutil.copytree(result.path, tmp_path / "wanted.zarr")
    steps = killing.steps(relink, wanted, 0.95, at_most=8)
    hashes = [result.content_hash(), open_result(wanted).content_hash()]
    assert hashes[0] != hashes[1]
    for step in steps:
        store = shutil.copytree(result.path, tmp_path / f"{step}.zarr")
        killing.kill(relink, store, 0.95, before=step)
        assert open_result(store).content_hash() in hashes
        relink(store, 0.95)
        assert open_result(store).content_hash() == hashes[1]
        assert sorted(os.listdir(store)) == ["results", "zarr.json"]
        assert len(os.listdir(store / "results")) == 2


def test_two_writers_of_one_name(result, tmp_path):
    """The one that is still at work is left alone, and refused when the other one has the name."""
    with pytest.raises(InputError, match="exists already"), written(tmp_path / "out", overwrite=False) as folder:
        (folder / "half.txt").touch()
        export(result.path, tmp_path / "out", Filters())
        assert (folder / "half.txt").exists()
    assert os.listdir(tmp_path) == ["out"]
    assert "half.txt" not in os.listdir(tmp_path / "out")
