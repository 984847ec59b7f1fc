"""How far a run is: frames of the video that are done, and the time left."""

from collections.abc import Callable, Sequence

from overseg.data.budget import Budget, Spent
from overseg.data.shot import Shot
from overseg.data.visit import Visit, VisitKey
from overseg.engine.sweep.pace import Pace
from overseg.engine.sweep.schedule import affordable
from overseg.stages import Stages

_REMEMBERED = 60  # visits of an earlier run, spread over the video
_ESTIMATES = 100  # of the time left, while the number of visits left halves: each looks at all of them


class Advance:
    """Follows the visits of a run. A frame that is visited several times counts by the share of visits made.

    Attributes:
        n_frames: of the video.
    """

    def __init__(
        self,
        visits: Sequence[VisitKey],
        made: frozenset[VisitKey],
        stages: Stages,
        shots: Sequence[Shot],
        budget: Budget,
        *,
        n_frames: int,
        read: Callable[[VisitKey], Visit],
    ) -> None:
        """
        Args:
            visits: all visits of the run, in order.
            made: those that an earlier run made.
            stages: their formulas say how much work a visit is.
            shots: of the video.
            budget: may end the run before the last visit.
            n_frames: of the video.
            read: gives a visit that an earlier run made.
        """
        self._left = dict.fromkeys(key for key in visits if key not in made)
        self._total, self._to_do = sum(map(_size, visits)), sum(map(_size, self._left))
        self._stages, self._budget, self.n_frames = stages, budget, n_frames
        self._pace = Pace(stages, shots)
        self._pace.remember(map(read, _spread(sorted(made), _REMEMBERED)), made)
        self._published: list[tuple[float, float]] = []  # work before the last two partial results, and theirs, in s
        self._published_s = 0.0  # of all partial results
        self._estimate_s: float | None = None
        self._since_estimate, self._since_estimate_s = len(self._left), 0.0

    @property
    def n_done(self) -> int:
        """Frames of the video that are done; all of them only after the last visit."""
        return self.n_frames * (self._total - self._to_do) // max(1, self._total)

    def add(self, visit: Visit) -> None:
        """Count a visit that was just made."""
        if visit.key in self._left:
            del self._left[visit.key]
            self._to_do -= _size(visit.key)
        self._pace.add(visit)
        self._since_estimate += 1
        self._since_estimate_s += sum(visit.seconds.values())

    def published_in(self, seconds: float, spent: Spent) -> None:
        """Count the time that a partial result of everything spent so far took."""
        self._published = [*self._published[-1:], (max(spent.seconds, seconds), seconds)]
        self._published_s += seconds

    def left_s(self, spent: Spent) -> float | None:
        """Seconds until the run ends; None while nothing is known, or if the coverage decides it."""
        if self._budget.min_coverage is not None:
            return None
        if self._estimate_s is None or self._since_estimate * _ESTIMATES > len(self._left):
            self._estimate_s = self._estimated_s(spent)
            self._since_estimate, self._since_estimate_s = 0, 0.0
        if self._estimate_s is None:
            return None
        visits_s = max(0.0, self._estimate_s - self._since_estimate_s) * (1 + self._publishing_share(spent))
        if self._budget.max_seconds is not None:
            visits_s = min(visits_s, max(0.0, self._budget.max_seconds - spent.seconds))
        return visits_s + self._last_result_s(spent.seconds + visits_s)

    def _publishing_share(self, spent: Spent) -> float:
        """Seconds of partial results for a second of visits."""
        return self._published_s / max(spent.seconds - self._published_s, self._published_s, 1e-6)

    def _last_result_s(self, worked_s: float) -> float:
        """Seconds for the last result, after so many of work: as much more than for a partial one as the work is."""
        if not self._published:
            return 0.0
        (first_at_s, first_s), (at_s, seconds) = self._published[0], self._published[-1]
        growth = seconds / at_s if at_s == first_at_s else max(0.0, (seconds - first_s) / (at_s - first_at_s))
        return seconds + growth * max(0.0, worked_s - at_s)

    def _estimated_s(self, spent: Spent) -> float | None:
        """Seconds for the visits that the limits of work and masks allow."""
        visits = list(self._left)
        if self._budget.max_work is not None:
            visits = affordable(visits, self._budget.max_work - spent.work, self._stages)
        seconds = self._pace.left_s(visits)
        if seconds is not None and self._budget.max_masks is not None and spent.n_masks:
            share_left = max(0.0, self._budget.max_masks / spent.n_masks - 1)
            seconds = min(seconds, spent.seconds * share_left)
        return seconds


def _spread(keys: Sequence[VisitKey], n: int) -> Sequence[VisitKey]:
    """At most n of them, evenly spread."""
    return keys[:: -(-len(keys) // n) or 1]


def _size(key: VisitKey) -> int:
    """Frames that a visit counts for: those that it reaches, or its only one."""
    return max(1, key.stop - key.start)
