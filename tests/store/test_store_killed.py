"""Killed at any moment, a store holds whole visits and a whole result, and can be resumed to the same result."""

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from killing import OF_A_DISK, Killing
from store.store_samples import open_store, publish, same, visits

from overseg.store.progress import progress
from overseg.store.result import open_result

N_FRAMES = 9
N_TESTS = 8  # share the steps


def run(path: str | Path) -> None:
    """A whole run, resumed from any state: some visits, a result of them, the other visits, the final result."""
    with open_store(path, n_frames=N_FRAMES) as store:
        if store.final:
            return
        for number, v in enumerate(visits(N_FRAMES)):
            if v.key not in store.committed():
                store.commit(v)
            if number == 2 and store.root.result is None:
                publish(store, visits(N_FRAMES)[:3], final=False)
        publish(store, visits(N_FRAMES), final=True)


def commit_and_tell(path: Path, connection: Connection) -> None:
    """Commit many visits, and report each once it is committed."""
    with open_store(path, n_frames=201) as store:
        for number, v in enumerate(visits(201)):
            if v.key not in store.committed():
                store.commit(v)
                connection.send(number)


@pytest.fixture(scope="module")
def killing() -> Killing:
    return Killing.of(OF_A_DISK)


@pytest.fixture(scope="module")
def truth(tmp_path_factory, killing) -> tuple[dict[bool, str], list[int]]:
    """Hashes of the final and the earlier result of a run that is not killed; a step from every place in its code."""
    path = tmp_path_factory.mktemp("truth")
    steps = killing.steps(run, path / "whole.zarr")
    with open_store(path / "part.zarr", n_frames=N_FRAMES) as store:
        for v in visits(N_FRAMES)[:3]:
            store.commit(v)
        earlier = publish(store, visits(N_FRAMES)[:3], final=False)
    return {True: open_result(path / "whole.zarr").content_hash(), False: earlier.content_hash()}, steps


@pytest.mark.parametrize("first", range(N_TESTS))
def test_killed_at_any_step_the_result_is_the_same(tmp_path, killing, truth, first):
    hashes, steps = truth
    for fatal_step in steps[first::N_TESTS]:
        path = tmp_path / str(fatal_step)
        killing.kill(run, path, before=fatal_step)
        if (path / "zarr.json").exists():
            found = progress(path)
            if found.has_result:
                assert open_result(path).content_hash() == hashes[found.final]
        with open_store(path, n_frames=N_FRAMES) as store:
            assert all(same(store.read(v.key), v) for v in visits(N_FRAMES) if v.key in store.committed())
        run(path)
        assert open_result(path).content_hash() == hashes[True]
        assert sorted(os.listdir(path)) == ["results", "zarr.json"]


def test_reported_commits_survive_a_kill(tmp_path, killing):
    path, found = tmp_path / "out.zarr", visits(201)
    by_key, n_told = {v.key: v for v in found}, 0
    for n_more in (1, 7, 15, 3):
        here, there = multiprocessing.Pipe()
        process = killing.processes.Process(target=commit_and_tell, args=(path, there))
        process.start()
        there.close()
        reported = [here.recv() for _ in range(n_more)]
        process.kill()
        process.join()
        n_told += n_more
        with open_store(path, n_frames=201) as store:
            assert {found[number].key for number in reported} <= store.committed()
            assert len(store.committed()) >= n_told
            assert all(same(store.read(key), by_key[key]) for key in store.committed())
