"""How far a batch is: one bar for all videos with the time left, a line for each that ends."""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from overseg.batch.crew import Advanced, Happened
from overseg.batch.jobs import Job, Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Task
from overseg.report import as_clock
from overseg.stages import Report

SPANS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "shots": (0.0, 0.03),
        "keyframes": (0.03, 0.05),
        "detect": (0.0, 0.05),
        "frames": (0.05, 0.95),
        "masks": (0.05, 0.95),
        "tracks": (0.95, 1.0),
    }
)
"""By stage, the shares of the work on a video at its begin and at its end, in [0, 1]. All videos count alike."""
_FIRST_STAGES = ("shots", "keyframes", "detect")  # which a video that is continued has behind it


class Board:
    """Passes the progress of many workers on to one report, whose bar shows percent of the whole batch."""

    def __init__(self, report: Report, tasks: Sequence[Task], *, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            report: receives progress and events; each event of a worker has the video's name as `video`.
            tasks: all videos of the batch.
            clock: gives seconds.
        """
        self._report, self._clock = report, clock
        self._began = clock()
        self._share = dict.fromkeys((task.name for task in tasks), 0.0)
        self._found: dict[str, float] = {}  # the share of each video that earlier batches had done
        self._n_parts: dict[str, int] = {}
        self._parts: dict[str, dict[int, float]] = {}  # the share that is done of each part
        self._n_ended = 0

    def begin(self) -> None:
        """Show the bar."""
        self._show()

    def advanced(self, job: Job, news: Advanced) -> None:
        """Show how far a video is; it never goes back, even where a worker began again."""
        name, share = job.task.name, news.done / max(1, news.total)
        if job.step is Step.PART:
            of_parts = self._parts.setdefault(name, {})
            of_parts[job.part] = max(share, of_parts.get(job.part, 0.0))
            share = sum(of_parts.values()) / max(len(of_parts), self._n_parts.get(name, 1))
        begin, end = SPANS.get(news.stage, (0.0, 0.0))
        share = begin + (end - begin) * share
        is_new = news.stage in _FIRST_STAGES or job.task.is_tracking
        self._found.setdefault(name, 0.0 if is_new else share)
        if share > self._share[name]:
            self._share[name] = share
            self._show()

    def split(self, name: str, n_parts: int) -> None:
        """Note that a video is made in parts."""
        self._n_parts[name] = n_parts

    def happened(self, name: str, news: Happened, where: str) -> None:
        """Log an event of a worker. Its remarks are logged and not shown: there are too many of them."""
        facts = {key: value for key, value in news.facts.items() if key != "video"}
        event = "said" if news.name == "remark" else news.name
        self._report.event(event, video=name, worker=where, **facts)

    def remark(self, line: str) -> None:
        """Show a line."""
        self._report.event("remark", line=line)

    def ended(self, outcome: Outcome) -> None:
        """Show what came of a video."""
        self._n_ended += 1
        self._share[outcome.name] = 1.0
        facts = {key: value for key, value in outcome.facts.items() if isinstance(value, str | int | float)}
        self._report.event(
            "video", video=outcome.name, state=outcome.state, seconds=outcome.seconds, where=outcome.where, **facts
        )
        left_s = self._left_s()
        left = f"; about {as_clock(left_s)} left" if left_s else ""
        self.remark(f"{self._n_ended} of {len(self._share)}: {outcome.name}: {_in_words(outcome)}{left}")
        self._show()

    def _show(self) -> None:
        done = int(100 * sum(self._share.values()) / len(self._share))
        is_over = self._n_ended == len(self._share)
        self._report.progress("videos (%)", 100 if is_over else min(done, 99), 100, self._left_s())

    def _left_s(self) -> float | None:
        """Seconds until all videos are done, at the rate of this batch; None while it has done nothing.

        What earlier batches had done counts as done, and not for the rate.
        """
        made = sum(self._share[name] - found for name, found in self._found.items())
        left = len(self._share) - sum(self._share.values())
        return (self._clock() - self._began) * left / made if made > 0 else None


def _in_words(outcome: Outcome) -> str:
    if outcome.state is State.DONE:
        facts = outcome.facts
        return f"{facts['frames']} frames, {facts['tracks']} tracks, {facts['stop_reason']}, {outcome.seconds:.0f} s"
    return f"{outcome.state}: {outcome.error}"
