"""A store that is copied, file by file, while a run writes it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy import ToyVideo, TruthGenerator
from toy_runs import run_toy

from overseg.errors import StoreError
from overseg.store.result import open_result
from overseg.store.zarr_store import ZarrStore

GENERATOR = TruthGenerator(ToyVideo(24, cut_at=15), jitter_px=1, miss=0.2)


def copied_slowly(source: Path, copy: Path, files_a_step: int) -> Iterator[None]:
    """Copy the files that exist at first, a few at each step; files that are removed before their turn are left out."""
    there = sorted(path for path in source.rglob("*") if path.is_file())
    for number, path in enumerate(there):
        target = copy / path.relative_to(source)
        if path.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        if number % files_a_step == files_a_step - 1:
            yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    """The hash of a run without interruption."""
    return run_toy(tmp_path_factory.mktemp("whole") / "a.zarr", GENERATOR).content_hash()


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """A store whose run a budget ended."""
    path = tmp_path_factory.mktemp("begun") / "a.zarr"
    run_toy(path, GENERATOR, budget="masks=30")
    return path


@pytest.mark.parametrize("files_a_step", [1, 4, 1000])
@pytest.mark.parametrize("begins", [0, 3, 7])
def test_a_copy_made_during_a_run_resumes_to_the_same_result_or_is_refused(
    tmp_path, monkeypatch, whole, begun, begins, files_a_step
):
    source, copy = shutil.copytree(begun, tmp_path / "a.zarr"), tmp_path / "copy.zarr"
    commit, n_commits = ZarrStore.commit, 0
    copying = copied_slowly(source, copy, files_a_step)

    def commit_and_copy(store, visit):
        nonlocal n_commits
        commit(store, visit)
        n_commits += 1
        if n_commits > begins:
            next(copying, None)

    with monkeypatch.context() as patch:
        patch.setattr(ZarrStore, "commit", commit_and_copy)
        run_toy(source, GENERATOR)
    assert n_commits > begins + 2
    for _ in copying:
        pass
    try:
        shown = open_result(copy)
        assert shown.frames.n_masks.sum() == sum(len(shown.masks_at(frame)) for frame in range(len(shown)))
        gone_on = run_toy(copy, GENERATOR)
    except StoreError as e:
        assert files_a_step < 1000 and str(copy) in str(e) and "\n" not in str(e)
    else:
        assert gone_on.content_hash() == whole
