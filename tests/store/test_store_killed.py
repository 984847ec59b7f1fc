"""Killed at any moment, a store holds whole visits and a whole result, and goes on to the same end."""

import multiprocessing
import os
import signal
import stat
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store.store_samples import open_store, publish, same, visits

from overseg.store.result import open_result, progress

N_FRAMES = 9
N_TESTS = 8  # share the steps
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


def run_until_step(path: Path, fatal_step: int | None, connection: Connection) -> None:
    """The whole run, killed just before it asks the file system for the fatal step; tells from where all were asked.

    A file that was not yet on the disk loses its second half, as in a power cut.
    """
    asked_from: list[str] = []
    fsync = os.fsync

    def killing(step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            if len(asked_from) == fatal_step:
                if step is fsync:
                    lose_half(args[0])
                os.kill(os.getpid(), signal.SIGKILL)
            asked_from.append(f"{step.__name__} of {asking_functions()}")
            return step(*args, **options)

        return counted

    for name in STEPS:
        setattr(os, name, killing(getattr(os, name)))
    run(path)
    connection.send(asked_from)


def asking_functions() -> str:
    """The functions of the store that are at work, from the outermost on."""
    names = [f.name for f in traceback.extract_stack() if os.path.join("overseg", "store") in f.filename]
    return " > ".join(names)


def lose_half(descriptor: int) -> None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.truncate(f"/proc/self/fd/{descriptor}", os.fstat(descriptor).st_size // 2)


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
def truth(tmp_path_factory, processes) -> tuple[dict[bool, str], list[int]]:
    """Hashes of the final and the earlier result of a run that nobody kills; a step from every place in its code."""
    path = tmp_path_factory.mktemp("truth")
    here, there = multiprocessing.Pipe()
    process = processes.Process(target=run_until_step, args=(path / "whole.zarr", None, there))
    process.start()
    there.close()  # so that recv ends should the process fail
    asked_from = here.recv()
    process.join()
    with open_store(path / "part.zarr", n_frames=N_FRAMES) as store:
        for v in visits(N_FRAMES)[:3]:
            store.commit(v)
        earlier = publish(store, visits(N_FRAMES)[:3], final=False)
    steps = np.random.default_rng(0).permutation(len(asked_from))
    by_store = (step for step in steps if not asked_from[step].endswith(("of ", "write_atomically > sync")))
    one_of_each = {asked_from[step]: int(step) for step in by_store}
    hashes = {True: open_result(path / "whole.zarr").content_hash(), False: earlier.content_hash()}
    return hashes, sorted(one_of_each.values())


@pytest.mark.parametrize("first", range(N_TESTS))
def test_killed_at_any_step_it_ends_the_same(tmp_path, processes, truth, first):
    hashes, steps = truth
    for fatal_step in steps[first::N_TESTS]:
        path = tmp_path / str(fatal_step)
        process = processes.Process(target=run_until_step, args=(path, fatal_step, multiprocessing.Pipe()[1]))
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
        there.close()
        told = [here.recv() for _ in range(n_more)]
        process.kill()
        process.join()
        n_told += n_more
        with open_store(path, n_frames=201) as store:
            assert {found[number].key for number in told} <= store.committed()
            assert len(store.committed()) >= n_told
            assert all(same(store.read(key), by_key[key]) for key in store.committed())
