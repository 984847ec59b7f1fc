"""The jobs that wait for a worker, and which jobs follow from one that is done."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from overseg.batch.jobs import Job, Step
from overseg.batch.outcome import Outcome
from overseg.batch.tasks import Task


class Queue:
    """Jobs in the order in which they are handed out.

    A video is one job while there are enough others for all workers. Of the last ones, each is begun, then made in
    parts by several workers, then concluded. Of a budget, one worker makes the rest that the parts leave.

    Attributes:
        may_split: whether that is so, or every video is one job.
    """

    def __init__(self, tasks: Sequence[Task], *, n_workers: int, may_split: bool, leaves_rest: bool) -> None:
        """
        Args:
            tasks: the videos, in order.
            n_workers: that share them.
            may_split: whether several may share one.
            leaves_rest: whether the parts are not all of a video.
        """
        self.may_split = may_split and n_workers > 1
        self._n_workers, self._leaves_rest = n_workers, leaves_rest
        self._waiting = [Job(task) for task in tasks]
        self._not_before: dict[Job, float] = {}
        self._parts_left: dict[str, int] = {}

    @property
    def has_enough(self) -> bool:
        """Whether a worker may have a whole video wait behind another one, and all workers still have enough to do."""
        return self._n_workers == 1 or self._n_whole > 2 * self._n_workers

    def next(self, now: float, suits: Callable[[Job], bool]) -> Job | None:
        """Take the next job that suits; None if there is none that may be done now."""
        for waiting in self._waiting:
            job = self._split(waiting)
            if self._not_before.get(waiting, now) <= now and suits(job):
                self._waiting.remove(waiting)
                return job
        return None

    @property
    def _n_whole(self) -> int:
        return sum(job.step is Step.WHOLE for job in self._waiting)

    def _split(self, job: Job) -> Job:
        """The first step of a video that workers share; the job itself if they share none, or not this one."""
        is_whole = job.step is not Step.WHOLE or job.task.is_tracking or not self.may_split
        return job if is_whole or self._n_whole >= self._n_workers else replace(job, step=Step.BEGIN)

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
            has_rest = outcome.n_parts or (self._leaves_rest and job.step is Step.PART)
            self._waiting.insert(0, Job(task, Step.REST if has_rest else Step.CONCLUDE))
            return False
        return True

    def drop(self, task: Task) -> None:
        """Do nothing more of a video."""
        self._waiting = [job for job in self._waiting if job.task != task]
