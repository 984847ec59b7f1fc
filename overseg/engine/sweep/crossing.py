"""One visit: masks are propagated through a clip and meet the masks of the keyframe they arrive at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int8, Int64

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks, Source
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.engine.rounds import SEED_ROUND, generator_of, is_preview
from overseg.engine.sweep.frontier import by_value, one_more_missed
from overseg.engine.tracks.edges import each_pair_once, edges_of
from overseg.stages import Clip, Matches, Stages, TrackStore, Video


class Crossing:
    """Makes visits and commits them. What a visit starts from comes from the store, so a resumed run sees the same."""

    def __init__(
        self,
        video: Video,
        stages: Stages,
        store: TrackStore,
        *,
        max_missed: int = 3,
        max_frontier: int = 64,
    ) -> None:
        """
        Args:
            video, stages, store: what to work on, with what, and where it is kept.
            max_missed: how many keyframes in a row a mask of the frontier may pass without meeting a mask.
            max_frontier: how many masks may be on the frontier at a keyframe; the most valuable ones are.
        """
        self._video = video
        self._stages = stages
        self._store = store
        self._max_missed = max_missed
        self._max_frontier = max_frontier
        self._last_commit_s = 0.0
        self._came_to: dict[tuple[int, Direction, int], VisitKey] = {}
        for key in store.committed():
            self._remember(key)

    def make(self, key: VisitKey) -> Visit:
        """Cross the clip of `key` and commit what was found. The visits it starts from must be in the store."""
        clock = _Clock(store=self._last_commit_s)  # a visit cannot hold the time of its own commit
        if key.start == key.stop:
            masks, appearances = self._generate(key, Rles.empty(self._video.info.size), clock)
            visit = Visit.of_masks(key, masks, Terminations.empty(), clock.seconds, appearances=appearances)
        elif is_preview(key):
            visit = self._cross_preview(key, clock)
        elif key.direction is Direction.FORWARD:
            visit = self._cross_forward(key, clock)
        else:
            visit = self._cross_backward(key, clock)
        began = time.perf_counter()
        self._store.commit(visit)
        self._last_commit_s = time.perf_counter() - began
        self._remember(key)
        return visit

    def _cross_forward(self, key: VisitKey, clock: "_Clock") -> Visit:
        """The keyframe's masks and the frontier go on to the next keyframe, whose masks are made from them."""
        with clock.counts("store"):
            here = self._store.read(self._came_to[key.round, Direction.FORWARD, key.start])
        prompts, missed = _with_frontier(_keyframe_rows(here.masks, key.start), here)
        propagated = self._propagate(key, prompts, clock)
        target, appearances = self._generate(key, propagated.on_keyframe.rles, clock)
        missed = _per_region(propagated.on_keyframe.region, prompts.region, missed)
        visit = self._match(key, propagated, target, missed, missed < self._max_missed, clock)
        return _with_rows(replace(visit, appearances=appearances), target)

    def _cross_backward(self, key: VisitKey, clock: "_Clock") -> Visit:
        """The masks of the later keyframe go back; only what was first seen there may go on past the earlier one."""
        later = self._came_to.get((key.round, Direction.BACKWARD, key.stop))
        with clock.counts("store"):
            here = self._store.read(self._came_to[key.round, Direction.FORWARD, key.stop])
            there = self._store.read(self._came_to[key.round, Direction.FORWARD, key.start])
            onward = self._store.read(later) if later else None
        prompts, missed = _with_frontier(_keyframe_rows(here.masks, key.stop), onward)
        propagated = self._propagate(key, prompts, clock)
        missed = _per_region(propagated.on_keyframe.region, prompts.region, missed)
        met = here.edges.region_to[self._stages.associator.one_to_one(here.edges)]
        is_first = ~np.isin(propagated.on_keyframe.region, met)
        target = there.masks.take(there.masks.frame == key.start)  # its own, and those propagated on past it
        propagated, seen = self._refined(key, propagated, target, is_first, clock)
        return self._match(key, propagated, target, missed, is_first & (seen | (missed < self._max_missed)), clock)

    def _cross_preview(self, key: VisitKey, clock: "_Clock") -> Visit:
        """Half of the way to the next keyframe of a coarse round: what came from there is met, and nothing goes on."""
        goes_back = key.direction is Direction.BACKWARD
        seed = key.stop if goes_back else key.start
        other = self._came_to.get((key.round, Direction.FORWARD, key.to_frame)) if goes_back else None
        with clock.counts("store"):
            own = self._store.read(VisitKey(SEED_ROUND, seed, seed, Direction.FORWARD)).masks
            there = self._store.read(other).masks if other else Masks.empty(self._video.info.size)
        propagated = self._propagate(key, own, clock)
        target = there.take(there.frame == key.to_frame)
        with clock.counts("associate"):
            matches = self._stages.associator.match(propagated.on_keyframe.rles, target.rles)
        edges = edges_of(matches, propagated.on_keyframe, target, key.to_frame)
        visit = Visit(key, propagated.between, propagated.terminations, edges, Frontier.empty(), seconds=clock.seconds)
        return _with_rows(visit, propagated.on_keyframe)

    def _generate(self, key: VisitKey, propagated: Rles, clock: "_Clock") -> tuple[Masks, Appearances]:
        with clock.counts("read"):
            keyframe = self._video[key.stop]
        with clock.counts("generate"):
            found = generator_of(key, self._stages).generate(keyframe, propagated)
        masks = Masks.from_keyframe(found, frame=key.stop, round_=key.round)
        return masks, Appearances.of(found, masks.region)

    def _propagate(self, key: VisitKey, prompts: Masks, clock: "_Clock") -> "_Propagated":
        with clock.counts("propagate"):
            clip = Clip(self._video, key.start, key.stop)
            masklets = self._stages.propagator.propagate(clip, prompts.rles, key.direction)
        source = Source.FORWARD if key.direction is Direction.FORWARD else Source.BACKWARD
        rows = Masks.from_masklets(masklets, regions=prompts.region, source=source)
        at_end = rows.frame == key.to_frame
        terminations = Terminations.of(masklets, regions=prompts.region, source=source, from_frame=key.from_frame)
        return _Propagated(rows.take(~at_end), rows.take(at_end), terminations)

    def _refined(
        self,
        key: VisitKey,
        propagated: "_Propagated",
        target: Masks,
        may_go_on: Bool[np.ndarray, " a"],
        clock: "_Clock",
    ) -> tuple["_Propagated", Bool[np.ndarray, " a"]]:
        """What would go on past the keyframe as it is seen there, and which of what arrived is seen there."""
        on_keyframe, refiner, seen = propagated.on_keyframe, self._stages.refiner, np.zeros(len(may_go_on), bool)
        if refiner is None:
            return propagated, seen
        with clock.counts("associate"):
            matches = self._stages.associator.match(on_keyframe.rles, target.rles)
            onward = np.sort(self._admitted(matches, on_keyframe, target, may_go_on))
        if len(onward) == 0:
            return propagated, seen
        with clock.counts("read"):
            keyframe = self._video[key.to_frame]
        with clock.counts("generate"):
            found = refiner.refined(keyframe, on_keyframe.rles.take(onward))
        rows = onward[found.prompt]
        seen[rows] = True
        return replace(propagated, on_keyframe=on_keyframe.redrawn(rows, found.rles, found.predicted_iou)), seen

    def _match(
        self,
        key: VisitKey,
        propagated: "_Propagated",
        target: Masks,
        missed: Int8[np.ndarray, " a"],
        may_go_on: Bool[np.ndarray, " a"],
        clock: "_Clock",
    ) -> Visit:
        """The visit, once it is known which arrived masks meet a mask of the target and which go on."""
        on_keyframe = propagated.on_keyframe
        with clock.counts("associate"):
            matches = self._stages.associator.match(on_keyframe.rles, target.rles)
            onward = self._admitted(matches, on_keyframe, target, may_go_on)
            passing = on_keyframe.take(np.sort(onward))
            among_them = self._stages.associator.match(passing.rles, passing.rles)
        edges = Edges.concatenate(
            [
                edges_of(matches, on_keyframe, target, key.to_frame),
                edges_of(each_pair_once(among_them), passing, passing, key.to_frame),
            ]
        )
        frontier = Frontier(on_keyframe.region[onward], one_more_missed(missed[onward]))
        return _with_rows(
            Visit(key, propagated.between, propagated.terminations, edges, frontier, seconds=clock.seconds), passing
        )

    def _admitted(
        self, matches: Matches, on_keyframe: Masks, target: Masks, may_go_on: Bool[np.ndarray, " a"]
    ) -> Int64[np.ndarray, " k"]:
        """Rows of the arrived masks that go on, the most valuable first."""
        allowed = may_go_on.copy()
        allowed[matches.explained] = False
        rows = np.flatnonzero(allowed)
        return rows[by_value(on_keyframe.take(rows), target)[: self._max_frontier]]

    def _remember(self, key: VisitKey) -> None:
        self._came_to[key.round, key.direction, key.to_frame] = key


@dataclass(frozen=True)
class _Propagated:
    """What was propagated through a clip.

    Attributes:
        between: rows on the frames between the keyframes.
        arrived: rows on the keyframe arrived at.
        endings: of all that was propagated.
    """

    between: Masks
    on_keyframe: Masks
    terminations: Terminations


def _keyframe_rows(masks: Masks, keyframe: int) -> Masks:
    return masks.take((masks.frame == keyframe) & (masks.source == Source.KEYFRAME))


def _with_frontier(own: Masks, before: Visit | None) -> tuple[Masks, Int8[np.ndarray, " p"]]:
    """A keyframe's own masks, then those that an earlier visit left on the frontier there; and what each missed."""
    own_missed = np.zeros(len(own), np.int8)
    if before is None or not len(before.frontier):
        return own, own_missed
    at_end = np.flatnonzero((before.masks.frame == before.key.to_frame) & (before.masks.source != Source.KEYFRAME))
    row_of = dict(zip(before.masks.region[at_end].tolist(), at_end.tolist(), strict=True))
    onward = before.masks.take(np.array([row_of[region] for region in before.frontier.region.tolist()]))
    return Masks.concatenate([own, onward]), np.concatenate([own_missed, before.frontier.missed])


def _per_region(
    wanted: Int64[np.ndarray, " a"], region: Int64[np.ndarray, " p"], value: Int8[np.ndarray, " p"]
) -> Int8[np.ndarray, " a"]:
    """value[i] belongs to region[i]: the values of the wanted regions."""
    value_of = dict(zip(region.tolist(), value.tolist(), strict=True))
    return np.array([value_of[one] for one in wanted.tolist()], dtype=np.int8)


def _with_rows(visit: Visit, more: Masks) -> Visit:
    """The visit with further rows, all in the order of the store: by frame, then region."""
    rows = Masks.concatenate([visit.masks, more])
    return replace(visit, masks=rows.take(np.lexsort((rows.region, rows.frame))))


class _Clock:
    """Adds up the seconds of each stage."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds

    @contextmanager
    def counts(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
