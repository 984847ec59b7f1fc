"""Gives jobs to workers, replaces workers that die, and gives up on a video that nobody survives."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from overseg.batch.board import Board
from overseg.batch.crew import Advanced, Crew, Died, Entered, Finished, Happened, News, Ready, Refused
from overseg.batch.hands import Hands
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
    begun: Callable[[], object] = lambda: None,
    ended: Callable[[Outcome], None],
    may_split: bool = False,
    leaves_rest: bool = False,
    locks_expire: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Let a crew work on all videos.

    Args:
        tasks: the videos, in the order in which they are begun.
        crew: stopped at the end, however that comes.
        board: shows the progress.
        begun: is called before the first video, once nothing is refused.
        ended: is called with each outcome as soon as it is known.
        may_split: share a video among workers where there are fewer videos left than workers.
        leaves_rest: whether the parts are not all of a video, as of one with a budget.
        locks_expire: whether the lock of a store may outlive the process that held it, such as in a bucket.
        clock: gives seconds.

    Returns:
        An outcome for each video, in the order of `tasks`.

    Raises:
        OversegError: the settings cannot work, or workers end before they are ready. What was committed is kept.
    """
    queue = Queue(tasks, n_workers=len(crew), may_split=may_split, leaves_rest=leaves_rest)
    desk = _Desk(tasks, queue, crew, board, ended, locks_expire, clock)
    try:
        desk.start()
        while desk.is_checking:
            for worker, job, news in crew.news():
                desk.hear(worker, job, news)
        begun()
        while desk.is_open:
            desk.hand_out()
            for worker, job, news in crew.news():
                desk.hear(worker, job, news)
    finally:
        crew.stop()
    return [desk.outcomes[task.name] for task in tasks]


class _Desk:
    """Who does what."""

    def __init__(
        self,
        tasks: Sequence[Task],
        queue: Queue,
        crew: Crew,
        board: Board,
        ended: Callable[[Outcome], None],
        locks_expire: bool,
        clock: Callable[[], float],
    ) -> None:
        self._queue, self._crew, self._board, self._ended, self._clock = queue, crew, board, ended, clock
        self._locks_expire = locks_expire
        self._n_tasks = len(tasks)
        self._kinds = list({(task.start, task.end, task.is_tracking): task for task in tasks}.values())
        self._hands = Hands()
        self._busy_since: dict[Job, float] = {}
        self._unready: set[int] = set()
        self._deaths: Counter[Job] = Counter()
        self._lost: set[Task] = set()  # a worker died that had a lock of theirs
        self._failed_starts: Counter[int] = Counter()
        self._furthest: dict[tuple[Job, str], int] = {}
        self.outcomes: dict[str, Outcome] = {}

    @property
    def is_checking(self) -> bool:
        """Whether workers of the beginning have not yet checked the settings; on a cluster one is enough."""
        return bool(self._unready) if self._crew.starts_together else not self._hands.any_ready

    @property
    def is_open(self) -> bool:
        """Whether a video has no outcome yet."""
        return len(self.outcomes) < self._n_tasks

    def start(self) -> None:
        """Start the workers; no more than there are videos for, unless these can be shared."""
        for worker in range(len(self._crew) if self._queue.may_split else min(len(self._crew), self._n_tasks)):
            self._start(worker)

    def hear(self, worker: int, job: Job | None, news: News) -> None:
        """Note what a worker tells of itself, or of a job."""
        match news:
            case Ready():
                self._unready.discard(worker)
                self._failed_starts[worker] = 0
                self._hands.add(worker)
            case Refused():
                raise _refusal(news)
            case Died():
                self._lose(worker, news.reason)
        if job is None:  # weights are fetched before the first video
            return
        match news:
            case Finished():
                self._hands.done(worker, job)
                self._finish(job, news.outcome)
            case Entered():
                self._hands.entered(worker, job, news.phase)
            case Advanced():
                self._advance(job, news)
            case Happened():
                self._board.happened(job.task.name, news, f"worker {worker}")

    def hand_out(self) -> None:
        """Give workers something to do."""
        for worker in self._hands.in_order():
            if self._hands.may_take(worker):
                job = self._queue.next(self._clock(), partial(self._suits, worker))
                if job is not None:
                    self._hands.give(worker, job, alone=self._deaths[job] > 0)
                    self._crew.give(worker, job)

    def _suits(self, worker: int, job: Job) -> bool:
        """Whether a worker may do a job now: at once, or beside what it does. What a worker died of is done alone."""
        if not self._hands.has(worker):
            return True
        if self._deaths[job] > 0:
            return False
        return not job.needs_turn or self._hands.is_device_free(worker) or self._queue.has_enough

    def _start(self, worker: int) -> None:
        self._unready.add(worker)
        self._crew.start(worker, self._kinds)

    def _lose(self, worker: int, reason: str) -> None:
        """Put what a dead worker did back to the front, and start another worker."""
        lost = self._hands.lose(worker)
        if lost is None:
            self._count_failed_start(worker, reason)
        for job, was_waiting in reversed((lost or {}).items()):
            if job.task.name not in self.outcomes:
                self._retry(job, reason, is_to_blame=not was_waiting)
        if self.is_open:
            self._start(worker)

    def _count_failed_start(self, worker: int, reason: str) -> None:
        self._failed_starts[worker] += 1
        if self._failed_starts[worker] >= _MOST_FAILED_STARTS:
            raise DeviceError(
                f"workers end before they begin ({reason}), {_MOST_FAILED_STARTS} times in a row: try fewer --workers, "
                "or one video by itself with `overseg run`; a program that calls run_many needs "
                "`if __name__ == '__main__':`"
            )

    def _retry(self, job: Job, reason: str, *, is_to_blame: bool) -> None:
        self._lost.add(job.task)
        self._deaths[job] += is_to_blame
        self._board.remark(f"{job.name}: the worker is gone ({reason}); another one continues")
        if self._deaths[job] < MOST_DEATHS:
            self._queue.put_back(replace(job, is_begun=job.is_begun or self._has_begun(job)))
            return
        line = f"{MOST_DEATHS} workers in a row ended at the same place of it ({reason}): shrink it with --resize"
        self._end(job.task, Outcome(job.task.name, State.FAILED, error=line, kind="WorkerDied"))

    def _has_begun(self, job: Job) -> bool:
        """Whether a job has opened its store, and discarded what was to be overwritten."""
        return any(known == job for known, _ in self._furthest)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        if job.task.name in self.outcomes:
            return  # another part of it has failed
        if outcome.state is State.RUNNING and self._may_be_lost(job):
            self._queue.put_back(job, not_before=self._clock() + _RETRY_BUSY_S)
        elif outcome.state is not State.DONE or self._queue.is_last(job, outcome):
            self._end(job.task, outcome)
        elif outcome.n_parts:
            self._board.split(job.task.name, outcome.n_parts)

    def _may_be_lost(self, job: Job) -> bool:
        """Whether a busy store may be locked by a worker that is gone, of this batch or an earlier one."""
        since = self._busy_since.setdefault(job, self._clock())
        return (self._locks_expire or job.task in self._lost) and self._clock() - since < _BUSY_S

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
