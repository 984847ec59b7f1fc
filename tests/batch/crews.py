"""A crew without processes, whose workers do and say what a test wants."""

from collections.abc import Callable, Iterator, Sequence

from overseg.batch.crew import Died, Entered, Finished, News, Ready
from overseg.batch.jobs import Job, Phase, Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Task

FACTS = {"frames": 3, "tracks": 2, "masks": 6, "coverage": 0.5, "stop_reason": "complete"}
_MOST_SILENT = 200  # times in a row that nothing is said
Work = Callable[[Job], Sequence[News]]


def done(job: Job) -> list[News]:
    return [Finished(Outcome(job.task.name, State.DONE, facts=FACTS, n_parts=3 if job.step is Step.BEGIN else 0))]


def failed(job: Job) -> list[News]:
    return [Finished(Outcome(job.task.name, State.FAILED, error="it is damaged", kind="InputError", where="here"))]


class AllAtWork(Exception):
    """No worker will say anything any more."""


class ScriptedCrew:
    """Workers that answer at once.

    Attributes:
        given: (worker, name) of everything that was given out, in order.
        steps: what each of these was.
        n_started: how many workers were started.
    """

    starts_together = True

    def __init__(self, n: int, work: Work, starting: Callable[[int], Sequence[News]] = lambda _: [Ready()]) -> None:
        self._n, self._work, self._starting = n, work, starting
        self._said: list[tuple[int, Job | None, News]] = []
        self.given: list[tuple[int, str]] = []
        self.steps: list[Step] = []
        self.n_started, self.is_stopped = 0, False
        self._dead: set[int] = set()
        self._n_silent = 0

    def __len__(self) -> int:
        return self._n

    def start(self, worker: int, kinds: Sequence[Task]) -> None:
        self._said += [(worker, None, news) for news in self._starting(self.n_started)]
        self.n_started += 1
        self._dead.discard(worker)

    def give(self, worker: int, job: Job) -> None:
        self.given.append((worker, job.name))
        self.steps.append(job.step)
        if worker in self._dead:
            return
        told = [Entered(Phase.WORKS), *self._work(job)] if job.needs_turn else self._work(job)
        self._said += [(worker, None if isinstance(news, Died) else job, news) for news in told]
        if any(isinstance(news, Died) for news in told):
            self._dead.add(worker)

    def news(self) -> Iterator[tuple[int, Job | None, News]]:
        said, self._said = self._said, []
        self._n_silent = 0 if said else self._n_silent + 1
        if self._n_silent > _MOST_SILENT:
            raise AllAtWork
        yield from said

    def stop(self) -> None:
        self.is_stopped = True
