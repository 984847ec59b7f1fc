"""Making one visit: masks are propagated through a clip, and matched with the masks of the keyframe at its end."""

import time
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int8, Int64

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks, Source, keyframe_of
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.engine.rounds import SEED_ROUND, generates, generator_of, is_preview
from overseg.engine.sweep.frontier import count_missed, order_by_value
from overseg.engine.sweep.propagated import Propagated, propagate
from overseg.engine.sweep.region_rows import Pairs
from overseg.engine.sweep.relocating import SURE_SUPPORT, Relocator, Sought, sure_or_linked
from overseg.engine.sweep.stage_clock import StageClock
from overseg.engine.sweep.visit_rows import (
    keyframe_rows,
    made_there,
    matched_before,
    per_region,
    with_frontier,
    with_rows,
)
from overseg.engine.tracks.edges import each_pair_once, edges_of
from overseg.stages import MaskPropagator, Matches, Stages, TrackStore, Video


class Crossing:
    """Makes visits and commits them. Each starts from committed visits alone, so a resumed run makes the same ones."""

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
            video, stages, store: the input, the stages that work on it, and where visits are kept.
            max_missed: how many keyframes in a row a mask of the frontier may pass without a match.
            max_frontier: how many masks may be on the frontier at a keyframe; the most valuable ones stay.
        """
        self._video = video
        self._stages = stages
        self._store = store
        self._max_missed = max_missed
        self._max_frontier = max_frontier
        self._relocator = Relocator(video, stages.propagator, stages.locator) if stages.locator is not None else None
        self._last_commit_s = 0.0
        self._visit_to: dict[tuple[int, Direction, int], VisitKey] = {}  # by round, direction and end frame
        self._masks_of: dict[tuple[int, int], VisitKey] = {}  # the visit with a keyframe's masks, by round and frame
        for key in store.committed():
            self.remember(key)

    def make(self, key: VisitKey) -> Visit:
        """Make the visit `key` and commit it. The visits that it starts from must be in the store."""
        clock = StageClock(store=self._last_commit_s)  # a visit cannot hold the time of its own commit
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
        self.remember(key)
        return visit

    def remember(self, key: VisitKey) -> None:
        """Note a visit that is in the store, which others may start from."""
        self._visit_to[key.round, key.direction, key.to_frame] = key
        at = key.round, key.stop
        if key.start == key.stop or (generates(key) and at not in self._masks_of):
            self._masks_of[at] = key

    def _cross_forward(self, key: VisitKey, clock: StageClock) -> Visit:
        """Propagate a keyframe's masks and the frontier to the next keyframe, and generate that keyframe's masks."""
        with clock.counts("store"):
            at_start = self._store.read(self._masks_of[key.round, key.start])
        prompts, missed = with_frontier(keyframe_rows(at_start.masks, key.start), at_start)
        sought = Sought(key, prompts, np.ones(len(prompts), bool), self._earlier(key, prompts, at_start))
        propagated, unsure = self._relocated(sought, clock)
        next_stretch = self._masks_of.get((key.round, key.stop))
        if next_stretch is not None:
            with clock.counts("store"):
                target = self._store.read(next_stretch).masks
        else:
            target, appearances = self._generate(key, propagated.on_keyframe.rles, clock)
        propagated = self._with_similar(sought, propagated, unsure, target, clock)
        missed = per_region(propagated.on_keyframe.region, prompts.region, missed)
        visit = self._match(key, propagated, target, missed, missed < self._max_missed, clock)
        return visit if next_stretch is not None else with_rows(replace(visit, appearances=appearances), target)

    def _cross_backward(self, key: VisitKey, clock: StageClock) -> Visit:
        """Propagate the masks of the later keyframe back; only new regions may continue past the earlier one.

        A region is new if the forward sweep matched nothing with it on the later keyframe.
        """
        forward, own = replace(key, direction=Direction.FORWARD), self._masks_of[key.round, key.stop]
        is_last = own != forward  # of a stretch: no mask comes back into it from the next one
        later = None if is_last else self._visit_to.get((key.round, Direction.BACKWARD, key.stop))
        with clock.counts("store"):
            forward_to_stop = self._store.read(forward)
            own_masks = self._store.read(own).masks if is_last else forward_to_stop.masks
            forward_to_start = self._store.read(self._masks_of[key.round, key.start])
            backward_to_stop = self._store.read(later) if later else None
        prompts, missed = with_frontier(keyframe_rows(own_masks, key.stop), backward_to_stop)
        at_start = forward_to_start.masks
        target = at_start.take(at_start.frame == key.start)  # the keyframe's own masks and the forward frontier
        region_from, region_to = self._one_to_one(forward_to_stop.edges)
        sought = Sought(key, prompts, ~np.isin(prompts.region, region_to), self._earlier(key, prompts, None))
        propagated, unsure = self._relocated(sought, clock)
        free = target.take(~np.isin(target.region, region_from))
        propagated = self._with_similar(sought, propagated, unsure, free, clock)
        pairs = Pairs.of(target, prompts, region_from, region_to)
        propagated = self._with_lost_between(key, pairs, forward_to_stop.masks, propagated, clock)
        missed = per_region(propagated.on_keyframe.region, prompts.region, missed)
        is_new = ~np.isin(propagated.on_keyframe.region, region_to)
        propagated, is_seen = self._refined(key, propagated, target, is_new, clock)
        may_continue = is_new & (is_seen | (missed < self._max_missed))
        return self._match(key, propagated, target, missed, may_continue, clock, linked=region_to)

    def _cross_preview(self, key: VisitKey, clock: StageClock) -> Visit:
        """Propagate a keyframe's masks half-way to the next one, and match them with those of the other half."""
        is_backward = key.direction is Direction.BACKWARD
        keyframe = key.stop if is_backward else key.start
        other_half = self._visit_to.get((key.round, Direction.FORWARD, key.to_frame)) if is_backward else None
        with clock.counts("store"):
            own = self._store.read(VisitKey(SEED_ROUND, keyframe, keyframe, Direction.FORWARD)).masks
            others = self._store.read(other_half).masks if other_half else Masks.empty(self._video.info.size)
        propagated = self._propagate(key, own, self._stages.propagator, clock)
        target = others.take(others.frame == key.to_frame)
        with clock.counts("associate"):
            matches = self._stages.associator.match(propagated.on_keyframe.rles, target.rles)
        edges = edges_of(matches, propagated.on_keyframe, target, key.to_frame)
        visit = Visit(key, propagated.between, propagated.terminations, edges, Frontier.empty(), seconds=clock.seconds)
        return with_rows(visit, propagated.on_keyframe)

    def _generate(self, key: VisitKey, propagated: Rles, clock: StageClock) -> tuple[Masks, Appearances]:
        with clock.counts("read"):
            keyframe = self._video[key.stop]
        with clock.counts("generate"):
            found = generator_of(key, self._stages).generate(keyframe, propagated)
        masks = Masks.from_keyframe(found, frame=key.stop, round_=key.round)
        return masks, Appearances.of(found, masks.region)

    def _propagate(self, key: VisitKey, prompts: Masks, propagator: MaskPropagator, clock: StageClock) -> Propagated:
        with clock.counts("propagate"):
            return propagate(self._video, key, prompts, propagator)

    def _relocated(self, sought: Sought, clock: StageClock) -> tuple[Propagated, Bool[np.ndarray, " p"]]:
        """The prompts propagated, the largest unsure ones located; and which are unsure. See `Relocator`."""
        key, prompts = sought.key, sought.prompts
        if self._relocator is None:
            return self._propagate(key, prompts, self._stages.propagator, clock), np.zeros(len(prompts), bool)
        propagated = self._propagate(key, prompts, self._relocator.propagator, clock)
        with clock.counts("locate"):
            unsure = self._relocator.unsure(sought, propagated)
            return self._relocator.on_keyframe(sought, propagated, unsure), unsure

    def _with_similar(
        self,
        sought: Sought,
        propagated: Propagated,
        unsure: Bool[np.ndarray, " p"],
        target: Masks,
        clock: StageClock,
    ) -> Propagated:
        """With masks of the keyframe in place of unsure ones; see `Relocator.similar`."""
        if self._relocator is None:
            return propagated
        own = target.take((target.frame == sought.key.to_frame) & (target.source == Source.KEYFRAME))
        with clock.counts("locate"):
            return self._relocator.similar(sought, propagated, unsure, own)

    def _with_lost_between(
        self, key: VisitKey, pairs: Pairs, forward: Masks, propagated: Propagated, clock: StageClock
    ) -> Propagated:
        """With masks between the keyframes that both directions lost; see `Relocator.between`."""
        if self._relocator is None:
            return propagated
        inside = forward.take((forward.frame > key.start) & (forward.frame < key.stop))
        with clock.counts("locate"):
            between = self._relocator.between(key, pairs, inside, propagated.between)
        return replace(propagated, between=between)

    def _earlier(self, key: VisitKey, prompts: Masks, at_start: Visit | None) -> list[Masks]:
        """Masks of the prompts' regions on other keyframes, a table for each."""
        if self._relocator is None:
            return []
        known, before = {key.from_frame}, []
        if at_start is not None and at_start.key.start != key.start:
            known.add(at_start.key.start)
            before = [
                matched_before(self._keyframe_of_round(key, at_start.key.start), *self._one_to_one(at_start.edges))
            ]
        made_on = sorted(set(keyframe_of(prompts.region).tolist()) - known)
        return [*before, *(made_there(self._keyframe_of_round(key, one), prompts.region) for one in made_on)]

    def _keyframe_of_round(self, key: VisitKey, keyframe: int) -> Masks:
        """The masks that a visit of the key's round left on a keyframe, those that were propagated to it among them."""
        masks = self._store.read(self._masks_of[key.round, keyframe]).masks
        return masks.take(masks.frame == keyframe)

    def _one_to_one(self, edges: Edges) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
        """The regions from and to of one-to-one matches."""
        rows = self._stages.associator.one_to_one(edges)
        return edges.region_from[rows], edges.region_to[rows]

    def _refined(
        self,
        key: VisitKey,
        propagated: Propagated,
        target: Masks,
        may_continue: Bool[np.ndarray, " a"],
        clock: StageClock,
    ) -> tuple[Propagated, Bool[np.ndarray, " a"]]:
        """The masks with those refined that would continue past the keyframe, and which the refiner confirmed."""
        on_keyframe, refiner, is_seen = propagated.on_keyframe, self._stages.refiner, np.zeros(len(may_continue), bool)
        if refiner is None:
            return propagated, is_seen
        with clock.counts("associate"):
            matches = self._stages.associator.match(on_keyframe.rles, target.rles)
            continuing = np.sort(self._continuing(matches, on_keyframe, target, may_continue))
        if len(continuing) == 0:
            return propagated, is_seen
        with clock.counts("read"):
            keyframe = self._video[key.to_frame]
        with clock.counts("generate"):
            found = refiner.refined(keyframe, on_keyframe.rles.take(continuing))
        rows = continuing[found.prompt]
        is_seen[rows] = True
        score = found.predicted_iou
        if self._relocator is not None:  # a mask on the wrong object may look good
            score = np.minimum(score, on_keyframe.score[rows])
        return replace(propagated, on_keyframe=on_keyframe.redrawn(rows, found.rles, score)), is_seen

    def _match(
        self,
        key: VisitKey,
        propagated: Propagated,
        target: Masks,
        missed: Int8[np.ndarray, " a"],
        may_continue: Bool[np.ndarray, " a"],
        clock: StageClock,
        *,
        linked: Int64[np.ndarray, " l"] | None = None,
    ) -> Visit:
        """Match the propagated masks with the target, decide which continue, and put the visit together.

        `linked` are regions that are known to have a match there.
        """
        on_keyframe = propagated.on_keyframe
        if self._relocator is not None:
            may_continue = may_continue & (on_keyframe.score >= SURE_SUPPORT)
        with clock.counts("associate"):
            matches = self._stages.associator.match(on_keyframe.rles, target.rles)
            continuing = self._continuing(matches, on_keyframe, target, may_continue)
            unmatched = on_keyframe.take(np.sort(continuing))
            among_them = self._stages.associator.match(unmatched.rles, unmatched.rles)
        edges = Edges.concatenate(
            [
                edges_of(matches, on_keyframe, target, key.to_frame),
                edges_of(each_pair_once(among_them), unmatched, unmatched, key.to_frame),
            ]
        )
        frontier = Frontier(on_keyframe.region[continuing], count_missed(missed[continuing]))
        if self._relocator is not None:
            linked = np.concatenate([self._one_to_one(edges)[0], *([] if linked is None else [linked])])
            propagated = sure_or_linked(key, propagated, linked)
        return with_rows(
            Visit(key, propagated.between, propagated.terminations, edges, frontier, seconds=clock.seconds), unmatched
        )

    def _continuing(
        self, matches: Matches, on_keyframe: Masks, target: Masks, may_continue: Bool[np.ndarray, " a"]
    ) -> Int64[np.ndarray, " k"]:
        """Row numbers of the masks that are propagated on past the keyframe, the most valuable first."""
        allowed = may_continue.copy()
        allowed[matches.explained] = False
        rows = np.flatnonzero(allowed)
        return rows[order_by_value(on_keyframe.take(rows), target)[: self._max_frontier]]
