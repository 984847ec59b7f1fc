"""Workers that are actors of Ray, on this machine or on a cluster.

Nothing but settings, names and progress passes through Ray: videos are read, and stores written, by the workers.
"""

import logging
import os
import queue
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import ray
from ray.exceptions import RayError

from overseg.batch.crew import Died, Finished, News, Ready, Refused, Telling
from overseg.batch.hands import AT_ONCE
from overseg.batch.jobs import Job
from overseg.batch.one_video import Bench, Worker, check
from overseg.batch.tasks import Plan, Task
from overseg.errors import DeviceError, OversegError, SettingsError

_WAIT_S = 0.5
_CONNECT_S = 10.0


class RayCrew:
    """A `Crew` of actors. Those of a lost node are started again where there is room."""

    starts_together = False  # a cluster may have room for all of them only later

    def __init__(self, plan: Plan, *, address: str | None, n: int | None) -> None:
        """
        Args:
            plan: what holds for all videos.
            address: of a cluster, as `ray.init` takes it; None starts Ray on this machine, or uses the cluster that
                this process or RAY_ADDRESS is connected to.
            n: number of actors; None for one on each GPU or, where there is none, on each machine.

        Raises:
            DeviceError: there is no such cluster, or it is too small.
        """
        self._plan = plan
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _connect(address)
        self._share, self._n = _share_of(n)
        self._threads = int(self._share["num_cpus"])
        self._actors: dict[int, Any] = {}
        self._asked: dict[Any, int] = {}  # the worker of each answer that is awaited

    def __len__(self) -> int:
        return self._n

    def start(self, worker: int, kinds: Sequence[Task]) -> None:
        """See `Crew`."""
        remote: Any = ray.remote(Member)
        actor = remote.options(max_concurrency=AT_ONCE + 1, **self._share).remote(self._plan, self._threads)
        self._actors[worker] = actor
        self._asked[actor.told.remote()] = worker
        actor.check.remote(tuple(kinds))

    def give(self, worker: int, job: Job) -> None:
        """See `Crew`."""
        self._actors[worker].do.remote(job)

    def news(self) -> Iterator[tuple[int, Job | None, News]]:
        """See `Crew`. Each actor is asked once at a time; one that waits for room in the cluster answers later."""
        ray.wait(list(self._asked), timeout=_WAIT_S)
        for answer in ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)[0]:
            worker = self._asked.pop(answer)
            try:
                told = ray.get(answer)
                self._asked[self._actors[worker].told.remote()] = worker
            except RayError as e:
                del self._actors[worker]
                told = [(None, Died(str(e).strip().splitlines()[-1].strip()[:200]))]
            yield from ((worker, *one) for one in told)

    def stop(self) -> None:
        """See `Crew`."""
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()
        if self._is_ours:
            ray.shutdown()


class Member:
    """A worker as an actor. It answers `told` while it works."""

    def __init__(self, plan: Plan, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)  # Ray tells the other libraries
        self._bench = Bench(plan, "cuda" if ray.get_gpu_ids() else "cpu")
        self._told = queue.SimpleQueue[tuple[Job | None, News]]()
        self._worker = Worker(self._bench)

    def check(self, kinds: Sequence[Task]) -> None:
        try:
            check(self._bench, kinds, Telling(partial(self._tell, None)))
        except OversegError as e:
            self._tell(None, Refused(str(e), e.exit_code))
        except Exception as e:
            self._tell(None, Refused(f"overseg failed: {type(e).__name__}: {e}", OversegError.exit_code))
        else:
            self._tell(None, Ready())

    def do(self, job: Job) -> None:
        try:
            self._tell(job, Finished(self._worker.do(job, partial(self._tell, job))))
        except BaseException:  # a job that nobody hears of again would be waited for without end
            os._exit(1)

    def told(self) -> list[tuple[Job | None, News]]:
        """What was told since the last call; waits a while where that is nothing."""
        told = []
        with suppress(queue.Empty):
            told.append(self._told.get(timeout=_WAIT_S))
            while True:
                told.append(self._told.get_nowait())
        return told

    def _tell(self, job: Job | None, news: News) -> None:
        self._told.put((job, news))


def _connect(address: str | None) -> None:
    if address is not None:
        _check_listens(address)
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as e:
        raise _unreachable(address, e) from e


def _check_listens(address: str) -> None:
    """Ray itself tries an address where nobody listens for minutes, and writes twenty lines.

    Raises:
        DeviceError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return  # a word that Ray knows, such as "auto"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as e:
        raise _unreachable(address, e) from e


def _unreachable(address: str | None, error: Exception) -> DeviceError:
    reason = " ".join(str(error).split())[:200]
    return DeviceError(f"--on ray={address or ''} cannot be reached: {reason}; check the address")


def _share_of(n: int | None) -> tuple[dict[str, float], int]:
    """What each actor gets of the cluster, and how many actors there are."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus, cpus = ([int(node.get(kind, 0)) for node in nodes] for kind in ("GPU", "CPU"))
    wanted = n or sum(gpus) or sum(1 for one in cpus if one)
    if not wanted or sum(cpus) < wanted:
        raise DeviceError(f"the cluster has {sum(cpus)} CPU cores, too few for {wanted} workers: take fewer --workers")
    share = {"num_cpus": float(cores_each(cpus, wanted))}
    if sum(gpus):
        if wanted > sum(gpus):
            raise SettingsError(f"--workers {wanted}: the cluster has {sum(gpus)} GPUs, one for each worker")
        share["num_gpus"] = 1.0
    return share, wanted


def cores_each(cores: Sequence[int], n: int) -> int:
    """The most cores that each of n workers can have on machines with these cores.

    >>> cores_each([4, 4, 4], 3), cores_each([4, 4, 4], 4), cores_each([16], 3)
    (4, 2, 5)
    """
    return next(each for each in range(max(cores), 0, -1) if sum(of // each for of in cores) >= n)
