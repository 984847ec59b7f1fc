"""How long the rest of a run takes, from the visits that were made and the stages' formulas."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from overseg.data.shot import Shot
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.rounds import generates, generator_of, is_preview, locates
from overseg.stages import Stages

_LATEST = 0.1  # weight of the newest value in a mean, so that the pace follows a machine that becomes slower
_SAMPLES_OF_OWN = 3  # what is expected of a shot counts as much as this many values of its own
_GROWTH_SAMPLES = 5  # later keyframes are expected to cost what the first does: this counts as so many keyframes
_BACKWARD_SHARE = 0.75  # of what moving and locating masks takes forward, as long as little is known
_BY_MASKS = 0.5  # share of the time of a visit, but for making masks, that grows with the number of masks, likewise
_BY_MASKS_WEIGHT = 1.0  # of that share: as much as a shot with twice as many masks as usual
_MADE, _REFINED, _OTHER, _PREVIEWED = "made", "refined", "other", "moved in a preview"
_MOVED_ANEW = "moved backward, where an earlier run moved forward: nothing of that is remembered"
_MOVED = {Direction.FORWARD: "moved forward", Direction.BACKWARD: "moved backward"}
_LOCATED = {Direction.FORWARD: "located forward", Direction.BACKWARD: "located backward"}
_FORWARD_OF = {by[Direction.BACKWARD]: by[Direction.FORWARD] for by in (_MOVED, _LOCATED)}


class Pace:
    """Seconds per unit of work of each kind, by shot.

    Kinds are: masks made on a keyframe, masks refined, masks moved by a frame in a preview and in a sweep, masks
    located in a clip (the last two forward and backward), and the rest of a visit. A shot of which nothing is known
    takes the pace of the whole video, and one with fewer masks takes less. Keyframe masks cost several times more in
    one shot than in another, so that each shot's first keyframe, which a run without a budget makes first of all, sets
    the pace of the shot until more of it is made.
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
        self._first = _ByShot()  # seconds per unit on the first keyframe
        self._masks = _ByShot()  # masks per frame
        self._n_visits: dict[int, int] = defaultdict(int)
        self._by_masks: dict[str, _Slope] = defaultdict(_Slope)
        self._warming_up = -1  # the shot of the first visit, which also loads what is loaded once
        self._knows_a_clip = self._is_loading = False
        self._before: frozenset[VisitKey] = frozenset()
        self._later = self._first_of_later = 0.0  # seconds per unit of later keyframes, and of the first of their shots

    def add(self, visit: Visit) -> None:
        """Learn from a visit just made, but not from the first one of a resumed run, which also loads the models."""
        if self._is_loading:
            self._is_loading = False
            return
        shot, seconds = self._shot(visit.key), visit.seconds
        kind, work = self._generating(visit.key)
        made_s = seconds.get("generate", 0.0)
        self._count_masks(shot, len(visit.masks) / max(1, visit.key.stop - visit.key.start))
        if visit.key.start == visit.key.stop:
            if not self._first.of:
                self._warming_up = shot
            self._first.set(shot, self._first.of.get(shot, made_s / max(work, 1e-6)))
        else:
            self._knows_a_clip = True
            if kind is not None:
                self._learn(kind, shot, made_s / max(work, 1e-6))
                if kind == _MADE and shot == self._warming_up:
                    self._first.set(shot, min(self._first.of[shot], made_s / max(work, 1e-6)))
                elif kind == _MADE and shot in self._first.of:
                    self._later += made_s / max(work, 1e-6)
                    self._first_of_later += self._first.of[shot]
            n_frames = visit.key.stop - visit.key.start
            self._learn(self._moving(visit.key), shot, seconds.get("propagate", 0.0) / n_frames)
            if locates(visit.key):
                self._learn(_LOCATED[visit.key.direction], shot, seconds.get("locate", 0.0))
        rest = sum(seconds.values()) - made_s - seconds.get("propagate", 0.0) - seconds.get("locate", 0.0)
        self._learn(_OTHER, shot, rest)

    def remember(self, visits: Iterable[Visit], made: Iterable[VisitKey]) -> None:
        """Learn from visits of an earlier run, which made these. They count less than those that this run makes."""
        for visit in visits:
            self.add(visit)
        for mean in (*self._of_shot.values(), *self._of_all.values()):
            mean.n = min(mean.n, _SAMPLES_OF_OWN)
        self._is_loading, self._before = self._knows_a_clip, frozenset(made)

    def left_s(self, visits: Iterable[VisitKey]) -> float | None:
        """Seconds for these visits; None while it is not known what a clip takes, and there are clips among them."""
        keys = list(visits)
        is_unknown = not self._knows_a_clip and any(key.start != key.stop for key in keys)
        if is_unknown or not (self._first.of or self._knows_a_clip):
            return None
        return sum(map(self._expected_s, keys))

    def _expected_s(self, key: VisitKey) -> float:
        shot = self._shot(key)
        kind, work = self._generating(key)
        seconds = self._seconds(_OTHER, shot)
        if key.start == key.stop:
            return seconds + work * self._first.of.get(shot, self._seconds(_MADE, shot))
        if kind is not None:
            seconds += work * self._seconds(kind, shot)
        moved_s = (key.stop - key.start) * self._seconds(self._moving(key), shot)
        return seconds + moved_s + (self._seconds(_LOCATED[key.direction], shot) if locates(key) else 0.0)

    def _seconds(self, kind: str, shot: int) -> float:
        """Expected seconds per unit of a kind in a shot."""
        of_all, own = self._of_all[kind], self._of_shot[kind, shot]
        expected = of_all.value * self._by_masks[kind].factor(self._density(shot))
        if kind == _MADE and self._first.of:
            usual = max(_GROWTH_SAMPLES * self._first.mean, 1e-9)
            growth = (usual + self._later) / (usual + self._first_of_later)
            expected = self._first.of.get(shot, self._first.mean) * growth
        elif kind == _REFINED:
            expected = of_all.blended(self._seconds(_MADE, shot)) * self._by_masks[kind].factor(self._density(shot))
        elif kind in _FORWARD_OF:
            expected = self._backward_share(kind) * self._seconds(_FORWARD_OF[kind], shot)
        elif of_all.n == 0 and kind == _MOVED[Direction.FORWARD]:
            expected = self._of_all[_PREVIEWED].value
        elif of_all.n == 0 and kind == _MOVED_ANEW:
            expected = self._seconds(_MOVED[Direction.FORWARD], shot)
        elif of_all.n == 0 and kind == _LOCATED[Direction.FORWARD] and self._stages.locator is not None:
            expected = self._stages.locator.locate_work * self._seconds(_MADE, shot)
        return own.blended(expected)

    def _backward_share(self, kind: str) -> float:
        """What this kind takes backward, of what it takes forward."""
        backward, forward = self._of_all[kind], self._of_all[_FORWARD_OF[kind]]
        usual = _SAMPLES_OF_OWN * forward.value
        known = backward.n * forward.value
        return (backward.n * backward.value + _BACKWARD_SHARE * usual) / (known + usual) if usual else _BACKWARD_SHARE

    def _count_masks(self, shot: int, n_masks: float) -> None:
        self._n_visits[shot] += 1
        before = self._masks.of.get(shot, 0.0)
        self._masks.set(shot, before + (n_masks - before) / self._n_visits[shot])

    def _density(self, shot: int) -> float:
        """Masks per frame of a shot, for each of the mean shot that was seen; 1 where nothing is known."""
        usual = self._masks.mean
        return self._masks.of[shot] / usual if usual > 0 and shot in self._masks.of else 1.0

    def _learn(self, kind: str, shot: int, seconds: float) -> None:
        if self._of_all[kind].value > 0:
            self._by_masks[kind].add(self._density(shot), seconds / self._of_all[kind].value)
        self._of_shot[kind, shot].add(seconds)
        self._of_all[kind].add(seconds)

    def _generating(self, key: VisitKey) -> tuple[str | None, float]:
        """What a visit does on its keyframe, and the work of it."""
        if generates(key):
            return _MADE, generator_of(key, self._stages).keyframe_work
        if self._stages.refiner is not None:
            return _REFINED, self._stages.refiner.refine_work
        return None, 0.0

    def _moving(self, key: VisitKey) -> str:
        """The kind of what moves the masks of a visit."""
        if is_preview(key):
            return _PREVIEWED
        is_backward = key.direction is Direction.BACKWARD
        if is_backward and replace(key, direction=Direction.FORWARD) in self._before:
            return _MOVED_ANEW
        return _MOVED[key.direction]

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


@dataclass
class _ByShot:
    """A value for each shot of which it is known, and their mean."""

    of: dict[int, float] = field(default_factory=dict)
    total: float = 0.0

    @property
    def mean(self) -> float:
        """The mean of the shots; 0 if none is known."""
        return self.total / len(self.of) if self.of else 0.0

    def set(self, shot: int, value: float) -> None:
        self.total += value - self.of.get(shot, 0.0)
        self.of[shot] = value


@dataclass
class _Slope:
    """How much the time of a kind grows with the number of masks, from 0 (not at all) to 1 (in proportion)."""

    up: float = _BY_MASKS * _BY_MASKS_WEIGHT
    across: float = _BY_MASKS_WEIGHT

    def factor(self, density: float) -> float:
        """The time for so many masks, for each of the mean time."""
        return 1 + min(1.0, max(0.0, self.up / self.across)) * (density - 1)

    def add(self, density: float, time: float) -> None:
        """Learn from a visit: masks, and time, for each of the mean ones."""
        self.up += (density - 1) * (time - 1)
        self.across += (density - 1) ** 2
