"""How long the rest of a run takes, from the visits that were made and the stages' formulas."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np

from overseg.data.shot import Shot
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.rounds import generates, generator_of, is_preview, locates
from overseg.engine.sweep.means import SAMPLES_OF_OWN, ByShot, Mean, Slope
from overseg.stages import Stages

_GROWTH_SAMPLES = 5  # later keyframes are expected to cost what the first does: this counts as so many keyframes
_BACKWARD_SHARE = 0.75  # of what moving and locating masks takes forward, as long as little is known
_STAGES = "generate", "propagate", "locate"  # by which the seconds of a visit are counted; others are the rest of it


class _Kind(Enum):
    """What a visit does that takes time."""

    MADE = auto()  # masks of a keyframe
    REFINED = auto()
    PREVIEWED = auto()  # moved in a preview
    MOVED_FORWARD = auto()
    MOVED_BACKWARD = auto()
    RESUMED_BACKWARD = auto()  # backward, where an earlier run moved forward: nothing of that is remembered
    LOCATED_FORWARD = auto()
    LOCATED_BACKWARD = auto()
    OTHER = auto()


_FORWARD_OF = {_Kind.MOVED_BACKWARD: _Kind.MOVED_FORWARD, _Kind.LOCATED_BACKWARD: _Kind.LOCATED_FORWARD}


@dataclass(frozen=True)
class _Cost:
    """Units of work of a kind, whose seconds are counted under this stage."""

    stage: str
    kind: _Kind
    work: float


class Pace:
    """Seconds per unit of work of each kind, by shot.

    A shot of which nothing is known takes the pace of the whole video, and one with fewer masks takes less. Keyframe
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
        self._of_shot: dict[tuple[_Kind, int], Mean] = defaultdict(Mean)
        self._of_all: dict[_Kind, Mean] = defaultdict(Mean)
        self._first = ByShot()  # seconds per unit on the first keyframe
        self._masks = ByShot()  # masks per frame
        self._n_visits: dict[int, int] = defaultdict(int)
        self._by_masks: dict[_Kind, Slope] = defaultdict(Slope)
        self._warming_up = -1  # the shot of the first visit, which also loads what is loaded once
        self._knows_a_clip = self._is_loading = False
        self._before: frozenset[VisitKey] = frozenset()
        self._later = self._first_of_later = 0.0  # seconds per unit of later keyframes, and of the first of their shots

    def add(self, visit: Visit) -> None:
        """Learn from a visit just made, but not from the first one of a resumed run, which also loads the models."""
        if self._is_loading:
            self._is_loading = False
            return
        key, seconds, shot = visit.key, visit.seconds, self._shot(visit.key)
        self._count_masks(shot, len(visit.masks) / max(1, key.stop - key.start))
        for cost in self._costs(key):
            per_unit = seconds.get(cost.stage, 0.0) / max(cost.work, 1e-6)
            if key.start == key.stop:
                self._begin_shot(shot, per_unit)
                continue
            self._learn(cost.kind, shot, per_unit)
            if cost.kind is _Kind.MADE:
                self._compare_with_first(shot, per_unit)
        self._knows_a_clip |= key.start != key.stop
        self._learn(_Kind.OTHER, shot, sum(s for stage, s in seconds.items() if stage not in _STAGES))

    def remember(self, visits: Iterable[Visit], made: Iterable[VisitKey]) -> None:
        """Learn from visits of an earlier run, which made these. They count less than those that this run makes."""
        for visit in visits:
            self.add(visit)
        for mean in (*self._of_shot.values(), *self._of_all.values()):
            mean.n = min(mean.n, SAMPLES_OF_OWN)
        self._is_loading, self._before = self._knows_a_clip, frozenset(made)

    def left_s(self, visits: Iterable[VisitKey]) -> float | None:
        """Seconds for these visits; None while it is not known what a clip takes, and there are clips among them."""
        keys = list(visits)
        is_unknown = not self._knows_a_clip and any(key.start != key.stop for key in keys)
        if is_unknown or not (self._first.of or self._knows_a_clip):
            return None
        return sum(map(self._expected_s, keys))

    def _costs(self, key: VisitKey) -> Iterator[_Cost]:
        """What a visit does, but for the rest of it. A visit of a keyframe alone makes its masks, and no more."""
        if generates(key):
            yield _Cost("generate", _Kind.MADE, generator_of(key, self._stages).keyframe_work)
        elif self._stages.refiner is not None:
            yield _Cost("generate", _Kind.REFINED, self._stages.refiner.refine_work)
        if key.start != key.stop:
            yield _Cost("propagate", self._moving(key), key.stop - key.start)
        if locates(key):
            is_forward = key.direction is Direction.FORWARD
            yield _Cost("locate", _Kind.LOCATED_FORWARD if is_forward else _Kind.LOCATED_BACKWARD, 1)

    def _moving(self, key: VisitKey) -> _Kind:
        """The kind of what moves the masks of a visit."""
        if is_preview(key):
            return _Kind.PREVIEWED
        if key.direction is Direction.FORWARD:
            return _Kind.MOVED_FORWARD
        is_resumed = replace(key, direction=Direction.FORWARD) in self._before
        return _Kind.RESUMED_BACKWARD if is_resumed else _Kind.MOVED_BACKWARD

    def _expected_s(self, key: VisitKey) -> float:
        shot = self._shot(key)
        expected_s = self._seconds(_Kind.OTHER, shot)
        for cost in self._costs(key):
            per_unit = self._seconds(cost.kind, shot)
            expected_s += cost.work * (self._first.of.get(shot, per_unit) if key.start == key.stop else per_unit)
        return expected_s

    def _seconds(self, kind: _Kind, shot: int) -> float:
        """Expected seconds per unit of a kind in a shot."""
        return self._of_shot[kind, shot].blended(self._expected(kind, shot))

    def _expected(self, kind: _Kind, shot: int) -> float:
        """Expected seconds per unit of a kind, from other shots and from other kinds."""
        of_all, by_masks = self._of_all[kind], self._by_masks[kind].factor(self._density(shot))
        if kind is _Kind.MADE and self._first.of:
            return self._first.of.get(shot, self._first.mean) * self._growth()
        if kind is _Kind.REFINED:
            return of_all.blended(self._seconds(_Kind.MADE, shot)) * by_masks
        if kind in _FORWARD_OF:
            return self._backward_share(kind) * self._seconds(_FORWARD_OF[kind], shot)
        if of_all.n == 0:
            return self._of_another_kind(kind, shot)
        return of_all.value * by_masks

    def _of_another_kind(self, kind: _Kind, shot: int) -> float:
        """Expected seconds per unit of a kind of which nothing is known; 0 where no other is like it."""
        if kind is _Kind.MOVED_FORWARD:
            return self._of_all[_Kind.PREVIEWED].value
        if kind is _Kind.RESUMED_BACKWARD:
            return self._seconds(_Kind.MOVED_FORWARD, shot)
        if kind is _Kind.LOCATED_FORWARD and self._stages.locator is not None:
            return self._stages.locator.locate_work * self._seconds(_Kind.MADE, shot)
        return 0.0

    def _begin_shot(self, shot: int, per_unit: float) -> None:
        """Learn from a keyframe that was made alone: the first one of a shot."""
        if not self._first.of:
            self._warming_up = shot
        self._first.set(shot, self._first.of.get(shot, per_unit))

    def _compare_with_first(self, shot: int, per_unit: float) -> None:
        """Learn from a later keyframe how much more it takes than the first of its shot."""
        if shot == self._warming_up:
            self._first.set(shot, min(self._first.of[shot], per_unit))
        elif shot in self._first.of:
            self._later += per_unit
            self._first_of_later += self._first.of[shot]

    def _growth(self) -> float:
        """What a later keyframe takes, for each second of the first of its shot."""
        usual = max(_GROWTH_SAMPLES * self._first.mean, 1e-9)
        return (usual + self._later) / (usual + self._first_of_later)

    def _backward_share(self, kind: _Kind) -> float:
        """What this kind takes backward, of what it takes forward."""
        backward, forward = self._of_all[kind], self._of_all[_FORWARD_OF[kind]]
        usual = SAMPLES_OF_OWN * forward.value
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

    def _learn(self, kind: _Kind, shot: int, seconds: float) -> None:
        if self._of_all[kind].value > 0:
            self._by_masks[kind].add(self._density(shot), seconds / self._of_all[kind].value)
        self._of_shot[kind, shot].add(seconds)
        self._of_all[kind].add(seconds)

    def _shot(self, key: VisitKey) -> int:
        return int(np.searchsorted(self._starts, key.start, side="right")) - 1
