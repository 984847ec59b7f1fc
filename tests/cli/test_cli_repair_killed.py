"""`overseg repair`, killed at any step, run twice at once, or on a full disk: run again, the result is the same."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli.test_cli_repair import flip, hash_of
from fuzzing.seed_files import write_stores_to_repair
from fuzzing.store_damage import contents
from in_memory import folder_in_memory
from killing import OF_A_DISK, Killing

import overseg
from overseg.api.repair import repair
from overseg.cli.main import main
from overseg.errors import StoreError
from overseg.maintenance.check import find_damage
from overseg.report import TerminalReport
from overseg.store.disk import DiskFolder
from overseg.store.folder import Folder
from overseg.store.zarr_store import ZarrStore

AT_MOST = 4  # steps of each repair
DAMAGED = {
    "repair": ("results/2/masks/score/c/2", "results/2/frames/n_masks/c/0"),
    "repair unfinished": ("parts/*-0000000004.round01.forward.*", "parts/*.backward.*", "results/1/masks/frame/c/0"),
    "repair previews": ("parts/*.round15.*", "results/1/zarr.json"),
}
"""By store, the files to damage."""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Like pytest's own, in memory."""
    with folder_in_memory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Path]:
    """Stores by name; the complete one is relinked, and has several chunks."""
    places: dict[str, Path] = {}
    with pytest.MonkeyPatch.context() as patch:
        for module in ("zarr_tables", "mask_writer", "mask_table"):
            patch.setattr(f"overseg.store.{module}.CHUNK_ROWS", 20)
        write_stores_to_repair(tmp_path_factory.mktemp("whole"), places)
        overseg.relink(places["repair"], match_iou=0.9, report=TerminalReport(quiet=True))
    return places


@pytest.fixture(params=DAMAGED)
def damaged(request, whole, tmp_path) -> tuple[Path, str]:
    """A damaged store, and its hash before the damage."""
    store = shutil.copytree(whole[request.param], tmp_path / "damaged.zarr")
    files = sorted({path for pattern in DAMAGED[request.param] for path in store.glob(pattern)})
    assert len(files) >= len(DAMAGED[request.param])
    for path in files:
        flip(path)
    return store, hash_of(whole[request.param])


def repair_store(store: Path) -> None:
    repair(store, report=TerminalReport(quiet=True))


def check_repaired(store: Path, wanted: str) -> None:
    """Check that it is whole, and that left-over files are removed when a process opens it for writing."""
    assert hash_of(store) == wanted
    assert find_damage(DiskFolder(store)) == []
    ZarrStore.reopen(store).close()
    assert sorted(os.listdir(store)) == [*([] if overseg.open(store).final else ["parts"]), "results", "zarr.json"]
    assert [path for path in store.rglob(".overseg-*")] == []
    assert len(os.listdir(store / "results")) == 2
    assert hash_of(store) == wanted


def check_nothing_is_lost(store: Path, before: dict[str, bytes], wanted: str) -> None:
    """Check that undamaged files are unchanged, or that the new result is current."""
    if not find_damage(DiskFolder(store)):
        assert hash_of(store) == wanted
        return
    after = contents(store)
    results = {name for name in before if name.startswith("results/") or name == "zarr.json"}
    assert {name: after.get(name) for name in results} == {name: before[name] for name in results}
    assert before.keys() <= after.keys()


def test_killed_at_any_step(damaged, tmp_path):
    store, wanted = damaged
    killing = Killing.of(OF_A_DISK)
    steps = killing.steps(repair_store, shutil.copytree(store, tmp_path / "whole.zarr"), at_most=AT_MOST)
    check_repaired(tmp_path / "whole.zarr", wanted)
    before = contents(store)
    for step in steps:
        copy = shutil.copytree(store, tmp_path / f"{step}.zarr")
        killing.kill(repair_store, copy, before=step)
        check_nothing_is_lost(copy, before, wanted)
        repair_store(copy)
        check_repaired(copy, wanted)


def test_two_at_once(damaged):
    """One process repairs it; the other is refused at once, or finds no damage."""
    store, wanted = damaged
    killing = Killing.of(OF_A_DISK)
    both = [killing.processes.Process(target=repair_or_be_refused, args=(store,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    check_repaired(store, wanted)


def repair_or_be_refused(store: Path) -> None:
    try:
        repair_store(store)
    except StoreError as e:
        assert "another process is writing the store" in str(e)


def test_the_second_process_is_refused(damaged, refused):
    store, _ = damaged
    before = contents(store)
    with ZarrStore.reopen_damaged(DiskFolder(store)):
        assert "another process is writing the store" in refused("repair", store, "--quiet")
    assert contents(store) == before


def test_repaired_by_another_process_in_the_meantime(damaged, monkeypatch, capsys):
    """Another process repairs it between the check and the lock: nothing is repaired twice."""
    store, wanted = damaged
    reopen = ZarrStore.reopen_damaged

    def reopen_later(folder: Folder) -> ZarrStore:
        monkeypatch.setattr(ZarrStore, "reopen_damaged", reopen)
        repair_store(store)
        return reopen(folder)

    monkeypatch.setattr(ZarrStore, "reopen_damaged", reopen_later)
    assert main(["repair", str(store)]) == 0
    assert capsys.readouterr().out.endswith("nothing is damaged\n")
    check_repaired(store, wanted)


def test_a_full_disk(damaged, tmp_path, monkeypatch, refused):
    """The disk becomes full: the repair ends with one line, nothing is lost, and it continues when there is room."""
    store, wanted = damaged
    fsync, n_before, n_after = os.fsync, 0, 0
    before = contents(store)

    def counted(descriptor: int) -> None:
        nonlocal n_before
        n_before += 1
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted)
        repair_store(shutil.copytree(store, tmp_path / "whole.zarr"))

    def full(descriptor: int) -> None:
        nonlocal n_after
        n_after += 1
        if n_after > n_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    for n_room in np.linspace(0, n_before - 1, 3).round().astype(int).tolist():
        copy, n_after = shutil.copytree(store, tmp_path / f"{n_room}.zarr"), 0
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            assert "No space left on device" in refused("repair", copy, "--quiet")
        check_nothing_is_lost(copy, before, wanted)
        repair_store(copy)
        check_repaired(copy, wanted)
