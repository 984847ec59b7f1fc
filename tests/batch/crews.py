"""A crew without processes, whose workers do and say what a test wants."""

from collections.abc import Callable, Iterator, Sequence

from overseg.batch.crew import Finished, News, Ready
from overseg.batch.jobs import Job, Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Task

FACTS = {"frames": 3, "tracks": 2, "masks": 6, "coverage": 0.5, "stop_reason": "complete"}
Work = Callable[[Job], Sequence[News]]


def done(job: Job) -> list[News]:
    return [Finished(Outcome(job.task.name, State.DONE, facts=FACTS, n_parts=3 if job.step is Step.BEGIN else 0))]


def failed(job: Job) -> list[News]:
    return [Finished(Outcome(job.task.name, State.FAILED, error="it is damaged", kind="InputError", where="here"))]


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
        self._said: list[tuple[int, News]] = []
        self.given: list[tuple[int, str]] = []
        self.steps: list[Step] = []
        self.n_started, self.is_stopped = 0, False

    def __len__(self) -> int:
        return self._n

    def start(self, worker: int, kinds: Sequence[Task]) -> None:
        self._said += [(worker, news) for news in self._starting(self.n_started)]
        self.n_started += 1

    def give(self, worker: int, job: Job) -> None:
        self.given.append((worker, job.name))
        self.steps.append(job.step)
        self._said += [(worker, news) for news in self._work(job)]

    def news(self) -> Iterator[tuple[int, News]]:
        said, self._said = self._said, []
        yield from said

    def stop(self) -> None:
        self.is_stopped = True
