"""What each worker has in hand: one video on its device, and beside it one that is opened or concluded."""

from collections.abc import Iterator

from overseg.batch.jobs import Job, Phase

AT_ONCE = 2  # jobs of a worker


class Hands:
    """The workers that are ready, and their jobs."""

    def __init__(self) -> None:
        self._jobs: dict[int, dict[Job, Phase]] = {}
        self._alone: set[Job] = set()

    @property
    def any_ready(self) -> bool:
        """Whether any worker is ready."""
        return bool(self._jobs)

    def in_order(self) -> Iterator[int]:
        """The workers by the number of their jobs, and twice those without one: for a second job beside the first."""
        yield from sorted(self._jobs, key=lambda worker: (len(self._jobs[worker]), worker))
        yield from sorted(self._jobs)

    def add(self, worker: int) -> None:
        """Note that a worker is ready."""
        self._jobs[worker] = {}

    def has(self, worker: int) -> bool:
        """Whether a worker has a job."""
        return bool(self._jobs[worker])

    def may_take(self, worker: int) -> bool:
        """Whether a worker can have one more job."""
        jobs = self._jobs[worker]
        return len(jobs) < AT_ONCE and self._alone.isdisjoint(jobs)

    def is_device_free(self, worker: int) -> bool:
        """Whether none of a worker's jobs is, or will be, on its device."""
        jobs = self._jobs[worker].items()
        return all(phase is Phase.CONCLUDES or not job.needs_turn for job, phase in jobs)

    def give(self, worker: int, job: Job, *, alone: bool) -> None:
        """Note that a worker has a job; `alone` if it is to have no other meanwhile."""
        self._jobs[worker][job] = Phase.PREPARES
        if alone:
            self._alone.add(job)

    def entered(self, worker: int, job: Job, phase: Phase) -> None:
        """Note how far a job is."""
        self._jobs[worker][job] = phase

    def done(self, worker: int, job: Job) -> None:
        """Note that a job is done."""
        del self._jobs[worker][job]
        self._alone.discard(job)

    def lose(self, worker: int) -> dict[Job, bool] | None:
        """Forget a worker that died. Its jobs, and whether each was only waiting; None if it was not ready yet."""
        jobs = self._jobs.pop(worker, None)
        if jobs is None:
            return None
        self._alone -= jobs.keys()
        return {job: phase is Phase.WAITS for job, phase in jobs.items()}
