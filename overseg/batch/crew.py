"""What workers are told and what they tell, wherever they are."""

import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from overseg.batch.jobs import Job, Phase
from overseg.batch.outcome import Outcome
from overseg.batch.tasks import Task

_TOLD_EVERY_S = 0.1


@dataclass(frozen=True)
class Ready:
    """The worker's device is there, and the settings work on it."""


@dataclass(frozen=True)
class Refused:
    """The settings cannot work here: `line` says why, `exit_code` is the error's."""

    line: str
    exit_code: int


@dataclass(frozen=True)
class Advanced:
    """`done` of `total` steps of a stage are done; see `stages.Report`."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Happened:
    """An event of a run; see `stages.Report`."""

    name: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Entered:
    """A job is so far."""

    phase: Phase


@dataclass(frozen=True)
class Finished:
    """The worker is done with a job."""

    outcome: Outcome


@dataclass(frozen=True)
class Died:
    """The worker is gone, with what it had not committed."""

    reason: str


News = Ready | Refused | Advanced | Happened | Entered | Finished | Died


@runtime_checkable
class Crew(Protocol):
    """A number of workers. Each makes masks of one video at a time, and opens or concludes another one beside it.

    Attributes:
        starts_together: whether all workers are soon there. If not, the first video does not wait for all of them.
    """

    starts_together: bool

    def __len__(self) -> int:
        """Number of workers."""
        ...

    def start(self, worker: int, kinds: Sequence[Task]) -> None:
        """Start a worker, or another one in the place of one that died. It says whether it is `Ready`."""
        ...

    def give(self, worker: int, job: Job) -> None:
        """Let a worker do a job, beside at most one other. Where it died meanwhile, `news` says so."""
        ...

    def news(self) -> Iterable[tuple[int, Job | None, News]]:
        """What workers have told since the last call, and of which job; waits a while where that is nothing."""
        ...

    def stop(self) -> None:
        """End all workers at once. What they committed is kept."""
        ...


class Telling:
    """A `stages.Report` that tells what it receives; of the progress of a stage, ten times in a second."""

    def __init__(self, tell: Callable[[News], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._told_at = -1.0

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        """See `stages.Report`."""
        now = self._clock()
        if done == total or now - self._told_at >= _TOLD_EVERY_S:
            self._told_at = now
            self._tell(Advanced(stage, done, total))

    def event(self, name: str, **facts: str | int | float | None) -> None:
        """See `stages.Report`."""
        where = {"time_s": round(time.time(), 3), "host": socket.gethostname(), "pid": os.getpid()}
        self._tell(Happened(name, {**facts, **where}))
