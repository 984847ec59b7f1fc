"""How long the rest of a run takes, from the visits that were made and the stages' formulas."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from overseg.data.shot import Shot
from overseg.data.visit import Visit, VisitKey
from overseg.engine.rounds import generates, generator_of
from overseg.stages import Stages

_LATEST = 0.2  # weight of the newest value in a mean, so that the pace follows a machine that becomes slower
_SAMPLES_OF_OWN = 3  # what is expected of a shot counts as much as this many values of its own
_GROWTH_SAMPLES = 5  # later keyframes are expected to cost what the first does: this counts as so many values
_MADE, _REFINED, _MOVED, _OTHER = "made", "refined", "moved", "other"


class Pace:
    """Seconds per unit of work of each kind, by shot.

    Kinds are: masks made on a keyframe, masks refined, masks moved by a frame, and the rest of a visit. A shot of which
    nothing is known takes the pace of the whole video. Keyframe masks cost several times more in one shot than in
    another, so that each shot's first keyframe, which a run without a budget makes first of all, sets the pace of the
    shot until more of it is made.
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
        self._growth = [1.0] * _GROWTH_SAMPLES  # of later keyframes against the first of their shot

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
                    self._growth.append(made_s / max(work, 1e-6) / max(self._first[shot], 1e-6))
            self._learn(_MOVED, shot, seconds.get("propagate", 0.0) / (visit.key.stop - visit.key.start))
        rest = sum(seconds.values()) - made_s - seconds.get("propagate", 0.0)
        self._learn(_OTHER, shot, rest)

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
        return seconds + (key.stop - key.start) * self._seconds(_MOVED, shot)

    def _seconds(self, kind: str, shot: int) -> float:
        """Expected seconds per unit of a kind in a shot."""
        of_all, own = self._of_all[kind], self._of_shot[kind, shot]
        expected = of_all.value
        if kind == _MADE and self._first:
            of_first = self._first.get(shot, float(np.mean(list(self._first.values()))))
            expected = of_first * float(np.mean(self._growth))
        elif kind == _REFINED and not of_all.n:
            expected = self._seconds(_MADE, shot)
        weight = own.n / (own.n + _SAMPLES_OF_OWN) if own.n else 0.0
        return weight * own.value + (1 - weight) * expected

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

    def add(self, value: float) -> None:
        self.n += 1
        self.value += max(_LATEST, 1 / self.n) * (value - self.value)
