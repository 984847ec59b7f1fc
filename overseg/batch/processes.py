"""Workers that are processes of this machine."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from overseg import freed_memory
from overseg.batch.crew import Died, Finished, News, Ready, Refused, Telling
from overseg.batch.hands import AT_ONCE
from overseg.batch.jobs import Job
from overseg.batch.one_video import Bench, Worker, check
from overseg.batch.tasks import Task
from overseg.errors import OversegError

_WAIT_S = 1.0
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ProcessCrew:
    """A `Crew` of processes. They end with the process that started them, however that ends."""

    starts_together = True

    def __init__(self, benches: Sequence[Bench], *, threads: int) -> None:
        """
        Args:
            benches: what each worker works with.
            threads: CPU threads of each worker.
        """
        self._benches, self._threads = benches, threads
        self._at_work: dict[int, _Process] = {}
        self._context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang

    def __len__(self) -> int:
        return len(self._benches)

    def start(self, worker: int, kinds: Sequence[Task]) -> None:
        """See `Crew`."""
        here, there = self._context.Pipe()
        arguments = (there, self._benches[worker], tuple(kinds), self._threads)
        process = self._context.Process(target=_serve, args=arguments, name=f"overseg worker {worker}", daemon=True)
        with _variables(self._threads):
            process.start()
        there.close()  # so that the end of the process ends the connection
        self._at_work[worker] = _Process(process, here)

    def give(self, worker: int, job: Job) -> None:
        """See `Crew`."""
        with suppress(OSError):
            self._at_work[worker].connection.send(job)

    def news(self) -> Iterator[tuple[int, Job | None, News]]:
        """See `Crew`."""
        ready = wait([one.connection for one in self._at_work.values()], _WAIT_S)
        for worker, one in list(self._at_work.items()):
            if one.connection in ready:
                yield worker, *self._heard(worker, one)

    def stop(self) -> None:
        """See `Crew`."""
        for one in self._at_work.values():
            one.process.kill()
        for one in self._at_work.values():
            one.process.join()
            one.connection.close()
        self._at_work.clear()

    def _heard(self, worker: int, one: "_Process") -> tuple[Job | None, News]:
        try:
            return one.connection.recv()
        except (EOFError, OSError):
            one.connection.close()
            one.process.join()  # until then its locks in a bucket look as if it were alive
            del self._at_work[worker]
            return None, Died(_in_words(one.process.exitcode))


@dataclass(frozen=True)
class _Process:
    process: BaseProcess
    connection: Connection


def _in_words(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"its process ended with code {exit_code}"
    name = signal.Signals(-exit_code).name
    return f"its process was ended by {name}" + (", perhaps for lack of memory" if name == "SIGKILL" else "")


def _serve(connection: Connection, bench: Bench, kinds: Sequence[Task], threads: int) -> None:
    """The life of a worker: check the settings, then work on what it is given."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the caller ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_threads(threads)
    freed_memory.share_among_threads()
    tell = _Sender(connection)
    try:
        check(bench, kinds, Telling(tell.of_worker))
    except OversegError as e:
        tell.of_worker(Refused(str(e), e.exit_code))
        return
    worker, pool = Worker(bench), ThreadPoolExecutor(AT_ONCE)
    tell.of_worker(Ready())
    while True:
        pool.submit(_do, worker, connection.recv(), tell)


def _do(worker: Worker, job: Job, tell: "_Sender") -> None:
    try:
        tell.of(job, Finished(worker.do(job, partial(tell.of, job))))
    except BaseException:  # a job that nobody hears of again would be waited for without end
        traceback.print_exc()
        os._exit(1)


class _Sender:
    """Sends what a worker tells, from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def of(self, job: Job | None, news: News) -> None:
        with self._lock:
            self._connection.send((job, news))

    def of_worker(self, news: News) -> None:
        self.of(None, news)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _variables(threads: int) -> Iterator[None]:
    """What the libraries of a process that is started here read as they are loaded."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _limit_threads(threads: int) -> None:
    """OpenCV reads no variable."""
    import cv2

    cv2.setNumThreads(threads)
