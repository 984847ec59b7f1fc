"""What the visits of a store have cost and found so far, updated after each visit."""

import time
from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int8

from overseg.data.budget import Budget, Spent
from overseg.data.masks import Source
from overseg.data.rles import Rles
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.rounds import generates, is_preview
from overseg.engine.sweep.schedule import expected_work, visit_work
from overseg.engine.tracks.frame_rounds import NO_ROUND
from overseg.stages import Stages, TrackStore


class Spending:
    """Counts seconds, work, masks and covered pixels. A frame that several rounds visited counts for the finest."""

    def __init__(
        self,
        store: TrackStore,
        stages: Stages,
        budget: Budget,
        *,
        n_frames: int,
        size: tuple[int, int],
        since: float,
        later: Container[VisitKey] = (),
    ) -> None:
        """
        Args:
            store: its visits are counted at once, but for those in `later`.
            stages: the associator matches masks; the other stages estimate work.
            budget: without a limit masks are not counted, and without one on coverage pixels are not: both take time.
            n_frames, size: of the video.
            since: time.monotonic() when this run began.
            later: visits that are counted when `add` is called for them.
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
        for key in sorted(key for key in store.committed() if key not in later):
            if budget.limited:
                self._include(store.read(key))
            else:
                self._work += _work_of(key, store.outline(key)[0].source, stages)

    def add(self, visit: Visit) -> None:
        """Count a visit."""
        self._include(visit)
        self._step_seconds[_kind(visit.key)] = sum(visit.seconds.values())

    def leave_out(self, seconds: float) -> None:
        """Do not count so many seconds, in which the run waited."""
        self._since += seconds

    def spent(self) -> Spent:
        """The sums so far."""
        coverage = float(self._covered_px.mean() / self._picture_px) if len(self._covered_px) else 0.0
        return Spent(
            seconds=self._seconds_before + time.monotonic() - self._since,
            coverage=coverage,
            n_masks=int(self._n_masks.sum()),
            work=self._work,
        )

    def limit_reached(self, next_visits: Sequence[VisitKey]) -> str | None:
        """The limit that the next visits would exceed, in words; None if they fit.

        Args:
            next_visits: as from `schedule.visits_to_pay_for`. Of a limit in seconds, only the first must fit.
        """
        if not self._budget.limited:
            return None
        return self._budget.limit_reached(
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
        """Which rows count as masks. A backward row does not, where the region that it matches has a forward mask."""
        if visit.key.direction is Direction.FORWARD:
            return np.ones(len(visit.masks), dtype=bool)
        matched = self._stages.associator.one_to_one(visit.edges)
        ends = (column[matched].tolist() for column in (visit.edges.region_from, visit.edges.region_to))
        match_of = dict(zip(*ends, strict=True))
        if is_preview(visit.key):
            forward = {(visit.key.start, region) for region in match_of.values()}
        else:
            rows, _ = self._store.outline(replace(visit.key, direction=Direction.FORWARD))
            forward = set(zip(rows.frame.tolist(), rows.region.tolist(), strict=True))
        backward = zip(visit.masks.frame.tolist(), visit.masks.region.tolist(), strict=True)
        return np.array([(frame, match_of.get(region)) not in forward for frame, region in backward], dtype=bool)

    def _cover(self, frame: int, masks: Rles) -> None:
        before = [self._covers[frame]] if frame in self._covers else []
        self._covers[frame] = Rles.concatenate(masks.size, [*before, masks]).union()
        self._covered_px[frame] = self._covers[frame].area_px()[0]


def _work_of(key: VisitKey, source: Int8[np.ndarray, " n"], stages: Stages) -> float:
    """The work of a visit, by the stages' formulas; `source` is the column of its masks."""
    return visit_work(key, int(np.count_nonzero(source != Source.KEYFRAME)), stages)


def _kind(key: VisitKey) -> tuple[int, bool, bool]:
    """A key for visits that take about equally long: same round, and both with or without a keyframe and a clip."""
    return key.round, generates(key), key.start == key.stop
