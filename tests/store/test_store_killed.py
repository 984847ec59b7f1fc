"""Killed at any moment, a store holds whole visits and a whole result, and goes on to the same end."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store.store_samples import open_store, publish, same, visits

from overseg.store.result import open_result, progress

N_FRAMES = 9
STEPS = ("fsync", "replace", "rename", "unlink", "mkdir")  # what a writer asks of the file system, one at a time


def run(path: Path) -> None:
    """The whole run, from wherever it stands: some visits, a result of them, the other visits, the final result."""
    with open_store(path, n_frames=N_FRAMES) as store:
        if store.final:
            return
        for number, v in enumerate(visits(N_FRAMES)):
            if v.key not in store.committed():
                store.commit(v)
            if number == 2 and not store.has_result:
                publish(store, visits(N_FRAMES)[:3], final=False)
        publish(store, visits(N_FRAMES), final=True)


def run_until_step(path: Path, fatal_step: int, connection: Connection) -> None:
    """The whole run, killed just before it asks the file system for the fatal step; tells how many there were."""
    n_steps = 0

    def killing(step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            nonlocal n_steps
            n_steps += 1
            if n_steps == fatal_step:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*args, **options)

        return counted

    for name in STEPS:
        setattr(os, name, killing(getattr(os, name)))
    run(path)
    connection.send(n_steps)


def commit_and_tell(path: Path, connection: Connection) -> None:
    """Commit many visits, telling of each once it is safe."""
    with open_store(path, n_frames=201) as store:
        for number, v in enumerate(visits(201)):
            if v.key not in store.committed():
                store.commit(v)
                connection.send(number)


@pytest.fixture(scope="module")
def processes():
    """Processes that start fast: what they need is imported once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["overseg.store.zarr_store", "overseg.store.result"])
    return context


@pytest.fixture(scope="module")
def truth(tmp_path_factory, processes) -> tuple[dict[bool, str], int]:
    """Hashes of the final and the earlier result of a run that nobody kills, and how many steps it takes."""
    path = tmp_path_factory.mktemp("truth")
    here, there = multiprocessing.Pipe()
    process = processes.Process(target=run_until_step, args=(path / "whole.zarr", 0, there))
    process.start()
    n_steps = here.recv()
    process.join()
    with open_store(path / "part.zarr", n_frames=N_FRAMES) as store:
        for v in visits(N_FRAMES)[:3]:
            store.commit(v)
        earlier = publish(store, visits(N_FRAMES)[:3], final=False)
        return {True: open_result(path / "whole.zarr").content_hash(), False: earlier.content_hash()}, n_steps


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_step_it_ends_the_same(tmp_path, processes, truth, seed):
    hashes, n_steps = truth
    path = tmp_path / "out.zarr"
    fatal_step = np.random.default_rng(seed).integers(n_steps * seed // 8, n_steps * (seed + 1) // 8) + 1
    process = processes.Process(target=run_until_step, args=(path, int(fatal_step), multiprocessing.Pipe()[1]))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    if (path / "zarr.json").exists():
        found = progress(path)
        if found.has_result:
            assert open_result(path).content_hash() == hashes[found.final]
    with open_store(path, n_frames=N_FRAMES) as store:
        assert all(same(store.read(v.key), v) for v in visits(N_FRAMES) if v.key in store.committed())
    run(path)
    assert open_result(path).content_hash() == hashes[True]
    assert sorted(os.listdir(path)) == ["results", "zarr.json"]


def test_what_was_told_to_be_safe_is_there(tmp_path, processes):
    path, found = tmp_path / "out.zarr", visits(201)
    by_key, n_told = {v.key: v for v in found}, 0
    for n_more in (1, 7, 15, 3):
        here, there = multiprocessing.Pipe()
        process = processes.Process(target=commit_and_tell, args=(path, there))
        process.start()
        told = [here.recv() for _ in range(n_more)]
        process.kill()
        process.join()
        n_told += n_more
        with open_store(path, n_frames=201) as store:
            assert {found[number].key for number in told} <= store.committed()
            assert len(store.committed()) >= n_told
            assert all(same(store.read(key), by_key[key]) for key in store.committed())
