"""Work that is killed just before it asks a disk or a bucket for something, at any of the places where it does."""

import multiprocessing
import os
import signal
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

OF_A_DISK = ("os.fsync", "os.replace", "os.rename", "os.unlink", "os.rmdir", "os.mkdir")  # what a writer asks it for
OF_A_BUCKET = ("obstore.put", "obstore.delete")
Work = Callable[..., Any]
_PRELOADED = (  # what any of the work needs
    "fuzzing.seed_files",
    "obstore",
    "overseg.api.relink",
    "overseg.api.repair",
    "overseg.generate.hierarchy",
    "overseg.interchange.exporting",
    "overseg.interchange.importing",
    "overseg.maintenance.repair",
    "overseg.store.bucket",
    "overseg.store.result",
    "overseg.store.zarr_store",
    "overseg.video.open",
    "pytest",
    "store.store_samples",
)


@dataclass(frozen=True)
class Killing:
    """Runs work in processes that start fast: what they need is imported once."""

    processes: ForkServerContext
    asked_for: tuple[str, ...]

    @classmethod
    def of(cls, asked_for: tuple[str, ...]) -> "Killing":
        """Start the one server that this process has; from then on its modules are fixed."""
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload([*_PRELOADED])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
            forkserver.ensure_running()
        return cls(processes, asked_for)

    def steps(self, work: Work, *arguments: Any, at_most: int | None = None) -> list[int]:
        """The numbers of a step from every place of the code that asks for one, of work that nobody kills.

        Where there are more than `at_most`, those are taken that are spread over all, the first and the last with them.
        """
        here, there = multiprocessing.Pipe()
        process = self.processes.Process(target=_run_until, args=(self.asked_for, work, arguments, None, there))
        process.start()
        there.close()  # so that recv ends should the process fail
        asked_from = here.recv()
        process.join()
        shuffled = np.random.default_rng(0).permutation(len(asked_from)).tolist()
        steps = sorted({asked_from[step]: step for step in shuffled if not _is_left_out(asked_from[step])}.values())
        if at_most is None or len(steps) <= at_most:
            return steps
        return [steps[at] for at in np.linspace(0, len(steps) - 1, at_most).round().astype(int)]

    def kill(self, work: Work, *arguments: Any, before: int) -> None:
        """Run the work and kill it before the step of this number; a file not yet on the disk loses its second half."""
        there = multiprocessing.Pipe()[1]
        process = self.processes.Process(target=_run_until, args=(self.asked_for, work, arguments, before, there))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL


def _run_until(
    asked_for: tuple[str, ...], work: Work, arguments: tuple[Any, ...], fatal_step: int | None, connection: Connection
) -> None:
    asked_from: list[str] = []
    fsync, lock = os.fsync, threading.Lock()

    def killing(step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            with lock:
                if len(asked_from) == fatal_step:
                    if step is fsync:
                        _lose_half(args[0])
                    os.kill(os.getpid(), signal.SIGKILL)
                asked_from.append(f"{step.__name__} of {_asking_functions()}")
            return step(*args, **options)

        return counted

    for module, _, name in (step.rpartition(".") for step in asked_for):
        setattr(import_module(module), name, killing(getattr(import_module(module), name)))
    work(*arguments)
    connection.send(asked_from)


def _asking_functions() -> str:
    """The functions of overseg that are at work, from the outermost on."""
    names = [f.name for f in traceback.extract_stack() if f"{os.sep}overseg{os.sep}" in f.filename]
    return " > ".join(names)


def _is_left_out(asked_from: str) -> bool:
    """What zarr asks for itself, and the second half of an atomic write."""
    return asked_from.endswith(("of ", "write_atomically > sync"))


def _lose_half(descriptor: int) -> None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.truncate(f"/proc/self/fd/{descriptor}", os.fstat(descriptor).st_size // 2)
