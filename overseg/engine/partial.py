"""Partial results: what is published while a run works, and when it is interrupted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from overseg.stages import Report, TrackStore

FIRST_PARTIAL_S = 2.0  # seconds until the first partial result; then twice as long, and so on
EVERY_S = 180.0  # the longest time between two, unless publishing takes long
_MOST_SHARE = 0.05  # of the time of a run
_TOO_LATE = 4.0  # a run that ends before so many times the time of publishing is not held up by a partial result


class PartialResults:
    """Publishes again and again: soon after the start, then every three minutes, in at most 5 % of the time."""

    def __init__(
        self,
        publish: Callable[[], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            publish: publishes everything that is committed.
            clock: in seconds.
        """
        self._publish, self._clock = publish, clock
        self._wait_s = FIRST_PARTIAL_S
        self._last_s = clock()
        self._too_late_s = FIRST_PARTIAL_S

    def publish_if_due(self, left_s: float | None = None) -> float | None:
        """Publish if it is time to; return the seconds that it took, or None.

        Args:
            left_s: seconds until the run ends, if they are known. Shortly before the end nothing is published.
        """
        began = self._clock()
        if began - self._last_s < self._wait_s or (left_s is not None and left_s < self._too_late_s):
            return None
        self._publish()
        self._last_s = self._clock()
        took = self._last_s - began
        self._wait_s = max(min(2 * self._wait_s, EVERY_S), took / _MOST_SHARE)
        self._too_late_s = max(self._too_late_s, _TOO_LATE * took)
        return took


class WithoutProgress:
    """A report that hides progress: a partial result is no step of the run."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        """Show nothing."""

    def event(self, name: str, **facts: str | int | float | None) -> None:
        """Pass the event on."""
        self._report.event(name, **facts)


@contextmanager
def publishing_if_interrupted(store: TrackStore, publish: Callable[[], object], report: Report) -> Iterator[None]:
    """Publish what is committed if Ctrl-C interrupts the block; the interrupt goes on."""
    try:
        yield
    except BaseException as e:
        if is_interrupt(e) and store.committed():
            report.event("remark", line="interrupted: publishing what is there; Ctrl-C again leaves at once")
            publish()
        raise


def is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C caused an error; some libraries turn it into an error of their own.

    >>> is_interrupt(KeyboardInterrupt()), is_interrupt(ValueError())
    (True, False)
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
