"""Workers that are actors of Ray, on this machine or on a cluster.

Nothing but settings, names and progress passes through Ray: videos are read, and stores written, by the workers.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from overseg.batch.crew import Died, Finished, News, Ready, Refused, Telling
from overseg.batch.jobs import Job
from overseg.batch.one_video import Bench, Worker, check
from overseg.batch.tasks import Plan, Task
from overseg.errors import DeviceError, OversegError, SettingsError

_WAIT_S = 0.5


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
        self._promised: dict[int, Any] = {}  # what each actor is doing

    def __len__(self) -> int:
        return self._n

    def start(self, worker: int, kinds: Sequence[Task]) -> None:
        """See `Crew`."""
        remote: Any = ray.remote(Member)
        actor = remote.options(max_concurrency=2, **self._share).remote(self._plan, self._threads)
        self._actors[worker] = actor
        self._promised[worker] = actor.check.remote(tuple(kinds))

    def give(self, worker: int, job: Job) -> None:
        """See `Crew`."""
        self._promised[worker] = self._actors[worker].do.remote(job)

    def news(self) -> Iterator[tuple[int, News]]:
        """See `Crew`."""
        promised = dict(self._promised)
        ready, _ = ray.wait(list(promised.values()), num_returns=len(promised), timeout=_WAIT_S)
        told = {worker: self._actors[worker].told.remote() for worker in promised}
        for worker, promise in promised.items():
            try:
                if told[worker] in ray.wait([told[worker]], timeout=_WAIT_S)[0]:  # an actor may not be there yet
                    yield from ((worker, news) for news in ray.get(told[worker]))
                if promise in ready:
                    del self._promised[worker]
                    yield worker, ray.get(promise)
            except RayError as e:
                self._promised.pop(worker, None)
                del self._actors[worker]
                yield worker, Died(str(e).strip().splitlines()[-1].strip()[:200])

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
        self._lock, self._told = threading.Lock(), list[News]()
        self._worker = Worker(self._bench, Telling(self._tell))

    def check(self, kinds: Sequence[Task]) -> News:
        try:
            check(self._bench, kinds, Telling(self._tell))
        except OversegError as e:
            return Refused(str(e), e.exit_code)
        return Ready()

    def do(self, job: Job) -> News:
        return Finished(self._worker.do(job))

    def told(self) -> list[News]:
        with self._lock:
            told, self._told = self._told, []
        return told

    def _tell(self, news: News) -> None:
        with self._lock:
            self._told.append(news)


def _connect(address: str | None) -> None:
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as e:
        reason = " ".join(str(e).split())[:200]
        raise DeviceError(f"--on ray={address or ''} cannot be reached: {reason}; check the address") from e


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
