"""Gives jobs to workers, replaces workers that die, and gives up on a video that nobody survives."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from overseg.batch.board import Board
from overseg.batch.crew import Advanced, Crew, Died, Finished, Happened, News, Ready, Refused
from overseg.batch.jobs import Job
from overseg.batch.outcome import Outcome, State
from overseg.batch.queue import Queue
from overseg.batch.tasks import Task
from overseg.errors import DeviceError, OversegError, SettingsError

MOST_DEATHS = 3  # of workers in a row, none of which got a job any further than the others
_MOST_FAILED_STARTS = 5
_RETRY_BUSY_S, _BUSY_S = 2.0, 90.0  # a lock of a lost worker may outlive it by a minute


def dispatch(
    tasks: Sequence[Task],
    crew: Crew,
    board: Board,
    *,
    ended: Callable[[Outcome], None],
    may_split: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Let a crew work on all videos.

    Args:
        tasks: the videos, in the order in which they are begun.
        crew: stopped at the end, however that comes.
        board: shows the progress.
        ended: is called with each outcome as soon as it is known.
        may_split: share a video among workers where there are fewer videos left than workers.
        clock: gives seconds.

    Returns:
        An outcome for each video, in the order of `tasks`.

    Raises:
        OversegError: the settings cannot work, or workers end before they are ready. What was committed is kept.
    """
    desk = _Desk(tasks, crew, board, ended, may_split, clock)
    try:
        desk.start()
        while desk.is_open:
            for worker, news in crew.news():
                desk.hear(worker, news)
            desk.hand_out()
    finally:
        crew.stop()
    return [desk.outcomes[task.name] for task in tasks]


class _Desk:
    """Who does what."""

    def __init__(
        self,
        tasks: Sequence[Task],
        crew: Crew,
        board: Board,
        ended: Callable[[Outcome], None],
        may_split: bool,
        clock: Callable[[], float],
    ) -> None:
        self._crew, self._board, self._ended, self._clock = crew, board, ended, clock
        self._n_tasks = len(tasks)
        self._kinds = list({(task.start, task.end, task.is_tracking): task for task in tasks}.values())
        self._queue = Queue(tasks, n_workers=len(crew) if may_split else 1)
        self._busy_since: dict[Job, float] = {}
        self._idle: set[int] = set()
        self._unready: set[int] = set()
        self._at_work: dict[int, Job] = {}
        self._deaths: Counter[Job] = Counter()
        self._failed_starts: Counter[int] = Counter()
        self._furthest: dict[tuple[Job, str], int] = {}
        self.outcomes: dict[str, Outcome] = {}

    @property
    def is_open(self) -> bool:
        """Whether a video has no outcome yet."""
        return len(self.outcomes) < self._n_tasks

    def start(self) -> None:
        """Start the workers; no more than there are videos for, unless these can be shared."""
        for worker in range(len(self._crew) if self._queue.may_split else min(len(self._crew), self._n_tasks)):
            self._start(worker)

    def hear(self, worker: int, news: News) -> None:
        """Note what a worker tells."""
        job = self._at_work.get(worker)
        match news:
            case Ready():
                self._unready.discard(worker)
                self._failed_starts[worker] = 0
                self._idle.add(worker)
            case Refused():
                raise _refusal(news)
            case Died():
                self._lose(worker, news.reason)
            case Finished():
                self._finish(self._at_work.pop(worker), news.outcome)
                self._idle.add(worker)
            case Advanced() if job is not None:
                self._advance(job, news)
            case Happened() if job is not None:
                self._board.happened(job.task.name, news, f"worker {worker}")
            case Advanced() | Happened():  # weights are fetched before the first video
                pass

    def hand_out(self) -> None:
        """Give something to each idle worker, once all workers of the beginning have checked the settings."""
        is_first = not self._at_work and not self.outcomes
        if is_first and self._unready and self._crew.starts_together:
            return
        for worker in sorted(self._idle):
            job = self._queue.next(self._clock())
            if job is None:
                return
            self._idle.remove(worker)
            self._at_work[worker] = job
            self._crew.give(worker, job)

    def _start(self, worker: int) -> None:
        self._unready.add(worker)
        self._crew.start(worker, self._kinds)

    def _lose(self, worker: int, reason: str) -> None:
        """Put what a dead worker did back to the front, and start another worker."""
        self._idle.discard(worker)
        job = self._at_work.pop(worker, None)
        if job is None:
            self._failed_starts[worker] += 1
            if self._failed_starts[worker] >= _MOST_FAILED_STARTS:
                raise DeviceError(
                    f"workers end before they begin ({reason}), {_MOST_FAILED_STARTS} times in a row: "
                    "try fewer --workers, or one video by itself with `overseg run`"
                )
        elif job.task.name not in self.outcomes:
            self._retry(job, reason)
        if self.is_open:
            self._start(worker)

    def _retry(self, job: Job, reason: str) -> None:
        self._deaths[job] += 1
        self._board.remark(f"{job.name}: the worker is gone ({reason}); another one continues")
        if self._deaths[job] < MOST_DEATHS:
            self._queue.put_back(job)
            return
        line = f"{MOST_DEATHS} workers in a row ended at the same place of it ({reason}): shrink it with --resize"
        self._end(job.task, Outcome(job.task.name, State.FAILED, error=line, kind="WorkerDied"))

    def _finish(self, job: Job, outcome: Outcome) -> None:
        if job.task.name in self.outcomes:
            return  # another part of it has failed
        if outcome.state is State.RUNNING and self._may_be_ours(job):
            self._queue.put_back(job, not_before=self._clock() + _RETRY_BUSY_S)
        elif outcome.state is not State.DONE or self._queue.is_last(job, outcome):
            self._end(job.task, outcome)
        elif outcome.n_parts:
            self._board.split(job.task.name, outcome.n_parts)

    def _may_be_ours(self, job: Job) -> bool:
        """Whether a busy store may be locked by a worker of this batch that was lost, until its lock expires."""
        since = self._busy_since.setdefault(job, self._clock())
        was_lost = any(n > 0 for other, n in self._deaths.items() if other.task == job.task)
        return was_lost and self._clock() - since < _BUSY_S

    def _end(self, task: Task, outcome: Outcome) -> None:
        self._queue.drop(task)
        self.outcomes[task.name] = outcome
        self._ended(outcome)
        self._board.ended(outcome)

    def _advance(self, job: Job, news: Advanced) -> None:
        if news.done > self._furthest.get((job, news.stage), 0):
            self._furthest[job, news.stage] = news.done
            self._deaths[job] = 0
        self._board.advanced(job, news)


def _refusal(news: Refused) -> OversegError:
    return SettingsError(news.line) if news.exit_code == SettingsError.exit_code else OversegError(news.line)
