"""What a store has cost and what it holds so far, kept up to date visit by visit."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int8

from overseg.data.budget import Budget, Spent
from overseg.data.masks import Source
from overseg.data.rles import Rles
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.rounds import generates, is_preview
from overseg.engine.sweep.schedule import expected_work, visit_work
from overseg.engine.tracks.resolve import NO_ROUND
from overseg.stages import Stages, TrackStore


class Spending:
    """Counts seconds, masks and covered pixels. On a frame that several rounds visited, only the finest counts."""

    def __init__(
        self,
        store: TrackStore,
        stages: Stages,
        budget: Budget,
        *,
        n_frames: int,
        size: tuple[int, int],
        since: float,
    ) -> None:
        """
        Args:
            store: its visits are counted first.
            stages: say what met what, and what work was.
            budget: masks are counted only where there is a limit, and coverage only where it is limited: both cost
                time.
            n_frames, size: of the video.
            since: time.monotonic() when this run began.
        """
        self._store = store
        self._stages = stages
        self._budget = budget
        self._since = since
        self._seconds_before = sum(store.seconds().values())
        self._picture_px = size[0] * size[1]
        self._rounds = np.full(n_frames, NO_ROUND, np.int8)
        self._n_masks = np.zeros(n_frames, np.int32)
        self._covered_px = np.zeros(n_frames, np.int64)
        self._covers: dict[int, Rles] = {}
        self._work = 0.0
        self._step_seconds: dict[tuple[int, bool, bool], float] = {}
        for key in sorted(store.committed()):
            if budget.limited:
                self._include(store.read(key))
            else:
                self._work += _work_of(key, store.outline(key)[0].source, stages)

    def add(self, visit: Visit) -> None:
        """Count a visit that was just made."""
        self._include(visit)
        self._step_seconds[_kind(visit.key)] = sum(visit.seconds.values())

    def spent(self) -> Spent:
        """The sums as they stand."""
        coverage = float(self._covered_px.mean() / self._picture_px) if len(self._covered_px) else 0.0
        return Spent(
            seconds=self._seconds_before + time.monotonic() - self._since,
            coverage=coverage,
            n_masks=int(self._n_masks.sum()),
            work=self._work,
        )

    def limit_met(self, next_visits: Sequence[VisitKey]) -> str | None:
        """The limit that leaves no room for what comes next, in words; None where there is room.

        Args:
            next_visits: are begun together, as `schedule.begun_by` says. Time is looked at before each of them again.
        """
        if not self._budget.limited:
            return None
        return self._budget.met(
            self.spent(),
            next_seconds=self._step_seconds.get(_kind(next_visits[0]), 0.0),
            next_work=sum(expected_work(key, self._stages) for key in next_visits),
        )

    def _include(self, visit: Visit) -> None:
        self._work += _work_of(visit.key, visit.masks.source, self._stages)
        if self._budget.limited:
            self._count(visit)

    def _count(self, visit: Visit) -> None:
        counts = self._counted(visit)
        for frame in np.unique(visit.masks.frame).tolist():
            if visit.key.round > self._rounds[frame]:
                continue
            rows = slice(*np.searchsorted(visit.masks.frame, [frame, frame + 1]))
            if visit.key.round < self._rounds[frame]:
                self._rounds[frame] = visit.key.round
                self._n_masks[frame] = 0
                self._covers.pop(frame, None)
            self._n_masks[frame] += np.count_nonzero(counts[rows])
            if self._budget.min_coverage is not None:
                self._cover(frame, Rles(visit.masks.rles.size, visit.masks.rles.counts[rows]))

    def _counted(self, visit: Visit) -> Bool[np.ndarray, " n"]:
        """Which rows count as masks: not one propagated back to a region that itself was propagated there."""
        counted = np.ones(len(visit.masks), dtype=bool)
        if visit.key.direction is Direction.BACKWARD:
            matched = self._stages.associator.one_to_one(visit.edges)
            ends = (column[matched].tolist() for column in (visit.edges.region_from, visit.edges.region_to))
            met = dict(zip(*ends, strict=True))
            there = {(visit.key.start, region) for region in met.values()}
            if not is_preview(visit.key):
                forward, _ = self._store.outline(replace(visit.key, direction=Direction.FORWARD))
                there = set(zip(forward.frame.tolist(), forward.region.tolist(), strict=True))
            rows = zip(visit.masks.frame.tolist(), visit.masks.region.tolist(), strict=True)
            counted[:] = [(frame, met.get(region)) not in there for frame, region in rows]
        return counted

    def _cover(self, frame: int, masks: Rles) -> None:
        before = [self._covers[frame]] if frame in self._covers else []
        self._covers[frame] = Rles.concatenate(masks.size, [*before, masks]).union()
        self._covered_px[frame] = self._covers[frame].area_px()[0]


def _work_of(key: VisitKey, source: Int8[np.ndarray, " n"], stages: Stages) -> float:
    """What a visit took, by the stages' formulas; `source` is that of its masks."""
    return visit_work(key, int(np.count_nonzero(source != Source.KEYFRAME)), stages)


def _kind(key: VisitKey) -> tuple[int, bool, bool]:
    """Visits of one kind take about equally long: of one round, with or without masks to generate and a clip."""
    return key.round, generates(key), key.start == key.stop
