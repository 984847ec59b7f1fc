"""The jobs that wait for a worker, and which jobs follow from one that is done."""

from collections.abc import Sequence

from overseg.batch.jobs import Job, Step
from overseg.batch.outcome import Outcome
from overseg.batch.tasks import Task


class Queue:
    """Jobs in the order in which they are handed out.

    A video is one job while there are enough others for all workers. Of the last ones, each is begun, then made in
    parts by several workers, then concluded.

    Attributes:
        may_split: whether that is so, or every video is one job.
    """

    def __init__(self, tasks: Sequence[Task], *, n_workers: int) -> None:
        """
        Args:
            tasks: the videos, in order.
            n_workers: that share them; 1 where no video is to be split.
        """
        self.may_split = n_workers > 1
        self._n_workers = n_workers
        self._waiting = [Job(task) for task in tasks]
        self._not_before: dict[Job, float] = {}
        self._parts_left: dict[str, int] = {}

    def next(self, now: float) -> Job | None:
        """Take the next job; None if there is none that may be done now."""
        job = next((one for one in self._waiting if self._not_before.get(one, now) <= now), None)
        if job is None:
            return None
        n_whole = sum(one.step is Step.WHOLE for one in self._waiting)
        self._waiting.remove(job)
        if job.step is Step.WHOLE and n_whole < self._n_workers and not job.task.is_tracking:
            return Job(job.task, Step.BEGIN)
        return job

    def put_back(self, job: Job, *, not_before: float | None = None) -> None:
        """Let another worker do a job, as soon as possible or from a time on."""
        if not_before is None:
            self._waiting.insert(0, job)
        else:
            self._not_before[job] = not_before
            self._waiting.append(job)

    def is_last(self, job: Job, outcome: Outcome) -> bool:
        """Whether a video is done with this job; if not, those that follow wait from now on."""
        task = job.task
        if job.step is Step.BEGIN and outcome.n_parts > 1:
            self._parts_left[task.name] = outcome.n_parts
            self._waiting[:0] = [Job(task, Step.PART, part) for part in range(outcome.n_parts)]
            return False
        if job.step is Step.PART:
            self._parts_left[task.name] -= 1
            if self._parts_left[task.name]:
                return False
        if job.step in (Step.BEGIN, Step.PART):
            self._waiting.insert(0, Job(task, Step.CONCLUDE))
            return False
        return True

    def drop(self, task: Task) -> None:
        """Do nothing more of a video."""
        self._waiting = [job for job in self._waiting if job.task != task]
