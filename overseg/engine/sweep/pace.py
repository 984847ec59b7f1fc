"""How long the rest of a run takes, from the visits that were made and the stages' formulas."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from overseg.data.shot import Shot
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.rounds import generates, generator_of
from overseg.stages import Stages

_LATEST = 0.1  # weight of the newest value in a mean, so that the pace follows a machine that becomes slower
_SAMPLES_OF_OWN = 3  # what is expected of a shot counts as much as this many values of its own
_GROWTH_SAMPLES = 5  # later keyframes are expected to cost what the first does: this counts as so many keyframes
_BACKWARD_SHARE = 0.75  # of what moving and locating masks takes forward, as long as little is known
_MADE, _REFINED, _OTHER = "made", "refined", "other"
_MOVED = {Direction.FORWARD: "moved forward", Direction.BACKWARD: "moved backward"}
_LOCATED = {Direction.FORWARD: "located forward", Direction.BACKWARD: "located backward"}
_FORWARD_OF = {by[Direction.BACKWARD]: by[Direction.FORWARD] for by in (_MOVED, _LOCATED)}


class Pace:
    """Seconds per unit of work of each kind, by shot.

    Kinds are: masks made on a keyframe, masks refined, masks moved by a frame and located in a clip, each forward and
    backward, and the rest of a visit. A shot of which nothing is known takes the pace of the whole video. Keyframe
    masks cost several times more in one shot than in another, so that each shot's first keyframe, which a run without
    a budget makes first of all, sets the pace of the shot until more of it is made.
    """

    def __init__(self, stages: Stages, shots: Sequence[Shot]) -> None:
        """
        Args:
            stages: their formulas say how much work a visit is.
            shots: of the video.
        """
        self._stages = stages
        self._starts = np.array([shot.start for shot in shots])
        self._of_shot: dict[tuple[str, int], _Mean] = defaultdict(_Mean)
        self._of_all: dict[str, _Mean] = defaultdict(_Mean)
        self._first: dict[int, float] = {}  # seconds per unit on the first keyframe of each shot
        self._warming_up = -1  # the shot of the first visit, which also loads what is loaded once
        self._later = self._first_of_later = 0.0  # seconds per unit of later keyframes, and of the first of their shots

    def add(self, visit: Visit) -> None:
        """Learn from a visit that was just made."""
        shot, seconds = self._shot(visit.key), visit.seconds
        kind, work = self._generating(visit.key)
        made_s = seconds.get("generate", 0.0)
        if visit.key.start == visit.key.stop:
            if not self._first:
                self._warming_up = shot
            self._first.setdefault(shot, made_s / max(work, 1e-6))
        else:
            if kind is not None:
                self._learn(kind, shot, made_s / max(work, 1e-6))
                if kind == _MADE and shot in self._first and shot != self._warming_up:
                    self._later += made_s / max(work, 1e-6)
                    self._first_of_later += self._first[shot]
            self._learn(
                _MOVED[visit.key.direction], shot, seconds.get("propagate", 0.0) / (visit.key.stop - visit.key.start)
            )
            self._learn(_LOCATED[visit.key.direction], shot, seconds.get("locate", 0.0))
        rest = sum(seconds.values()) - made_s - seconds.get("propagate", 0.0) - seconds.get("locate", 0.0)
        self._learn(_OTHER, shot, rest)

    def remember(self, visits: Iterable[Visit]) -> None:
        """Learn from visits of an earlier run. They count less than those that this run makes."""
        for visit in visits:
            self.add(visit)
        for mean in (*self._of_shot.values(), *self._of_all.values()):
            mean.n = min(mean.n, _SAMPLES_OF_OWN)

    def left_s(self, visits: Iterable[VisitKey]) -> float | None:
        """Seconds for these visits; None while nothing is known."""
        if not self._first and not self._of_all:
            return None
        return sum(map(self._expected_s, visits))

    def _expected_s(self, key: VisitKey) -> float:
        shot = self._shot(key)
        kind, work = self._generating(key)
        seconds = self._seconds(_OTHER, shot)
        if key.start == key.stop:
            return seconds + work * self._first.get(shot, self._seconds(_MADE, shot))
        if kind is not None:
            seconds += work * self._seconds(kind, shot)
        moved_s = (key.stop - key.start) * self._seconds(_MOVED[key.direction], shot)
        return seconds + moved_s + self._seconds(_LOCATED[key.direction], shot)

    def _seconds(self, kind: str, shot: int) -> float:
        """Expected seconds per unit of a kind in a shot."""
        of_all, own = self._of_all[kind], self._of_shot[kind, shot]
        expected = of_all.value
        if kind == _MADE and self._first:
            of_first = float(np.mean(list(self._first.values())))
            usual = max(_GROWTH_SAMPLES * of_first, 1e-9)
            growth = (usual + self._later) / (usual + self._first_of_later)
            expected = self._first.get(shot, of_first) * growth
        elif kind == _REFINED:
            expected = of_all.blended(self._seconds(_MADE, shot))
        elif kind in _FORWARD_OF:
            expected = of_all.blended(_BACKWARD_SHARE * self._seconds(_FORWARD_OF[kind], shot))
        return own.blended(expected)

    def _learn(self, kind: str, shot: int, seconds: float) -> None:
        self._of_shot[kind, shot].add(seconds)
        self._of_all[kind].add(seconds)

    def _generating(self, key: VisitKey) -> tuple[str | None, float]:
        """What a visit does on its keyframe, and the work of it."""
        if generates(key):
            return _MADE, generator_of(key, self._stages).keyframe_work
        if self._stages.refiner is not None:
            return _REFINED, self._stages.refiner.refine_work
        return None, 0.0

    def _shot(self, key: VisitKey) -> int:
        return int(np.searchsorted(self._starts, key.start, side="right")) - 1


@dataclass
class _Mean:
    """A mean of the values so far, in which later ones count more."""

    n: int = 0
    value: float = 0.0

    def blended(self, expected: float) -> float:
        """The mean with an expected value, which counts as much as a few values."""
        return (self.n * self.value + _SAMPLES_OF_OWN * expected) / (self.n + _SAMPLES_OF_OWN)

    def add(self, value: float) -> None:
        self.n += 1
        self.value += max(_LATEST, 1 / self.n) * (value - self.value)
