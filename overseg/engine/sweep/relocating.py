"""The second witness of a sweep: masks that flow lost, or hardly supports, are located by their appearance.

A mask with little support is used only where it links two keyframes. It is not propagated on, and it is not shown
between keyframes, unless its region is matched at the clip's end. So a wrong one does little harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int, Int64

from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.masks import Masks
from overseg.data.rles import Rles
from overseg.data.visit import Direction, VisitKey
from overseg.engine.sweep.propagated import Propagated, source_of
from overseg.stages import Clip, LenientPropagator, MaskLocator, MaskPropagator, Video

SURE_SUPPORT = 0.5  # masks with less are used for links alone
_WEAK_SUPPORT = 0.7  # propagated masks with less are located too
_LEAST_SUPPORT = 0.3  # located masks with less are dropped
_MAX_LOCATED = 24  # masks on a frame, the largest: this bounds the work where everything is lost


@dataclass(frozen=True)
class Pairs:
    """Masks on the two keyframes of a clip: starts[i] and stops[i] are the same region. Ordered by stops.region."""

    starts: Masks
    stops: Masks

    @classmethod
    def of(
        cls, starts: Masks, stops: Masks, region_from: Int64[np.ndarray, " k"], region_to: Int64[np.ndarray, " k"]
    ) -> "Pairs":
        """The pairs of regions, from one table and the other; a pair without a row in both is left out."""
        of_start, of_stop = _row_of(starts.region, region_from), _row_of(stops.region, region_to)
        known = np.flatnonzero((of_start >= 0) & (of_stop >= 0))
        known = known[np.argsort(region_to[known], kind="stable")]
        return cls(starts.take(of_start[known]), stops.take(of_stop[known]))

    def take(self, rows: Int[np.ndarray, " k"]) -> "Pairs":
        """The pairs at these numbers."""
        return Pairs(self.starts.take(rows), self.stops.take(rows))

    def rows(self, forward: Masks, backward: Masks) -> Masks:
        """Rows of these pairs, forward ones of `starts` and backward ones of `stops`, with the regions of `stops`."""
        at = _row_of(self.starts.region, forward.region)
        ours = forward.take(at >= 0)
        renamed = replace(ours, region=self.stops.region[at[at >= 0]])
        return Masks.concatenate([renamed, backward.take(np.isin(backward.region, self.stops.region))])


class Relocator:
    """Propagates masks through a clip, and locates those that have little support."""

    def __init__(self, video: Video, propagator: MaskPropagator, locator: MaskLocator) -> None:
        """
        Args:
            video: the input.
            propagator: propagates masks from frame to frame.
            locator: locates masks on other frames by their appearance.
        """
        self._video, self._propagator, self._locator = video, propagator, locator

    @property
    def propagator(self) -> MaskPropagator:
        """What propagates a clip's masks. It keeps masks with less support, because they are checked."""
        return self._propagator.lenient() if isinstance(self._propagator, LenientPropagator) else self._propagator

    def on_keyframe(
        self,
        key: VisitKey,
        prompts: Masks,
        earlier: Sequence[Masks],
        propagated: Propagated,
        wanted: Bool[np.ndarray, " p"],
    ) -> Propagated:
        """The propagated masks, with those located on the keyframe at the clip's end that have little support there.

        Args:
            key: the visit.
            prompts: the masks that were propagated.
            earlier: masks of the same regions on other keyframes; each table is of one frame.
            propagated: what became of the prompts.
            wanted: which of the prompts may be located.
        """
        there = propagated.on_keyframe
        support = _support(prompts.region, there)
        unsure = _largest(prompts, np.flatnonzero(wanted & (support < _WEAK_SUPPORT)))
        found = self._located(key, key.to_frame, prompts.take(unsure), [prompts, *earlier], there)
        if not len(found):
            return propagated
        found = replace(found, score=np.maximum(found.score, _support(found.region, there)))
        rows = Masks.concatenate([there.take(~np.isin(there.region, found.region)), found])
        ends = propagated.terminations
        is_found = np.isin(ends.region, found.region)
        return Propagated(
            between=propagated.between,
            on_keyframe=rows.take(np.argsort(rows.region, kind="stable")),
            terminations=replace(
                ends,
                last_frame=np.where(is_found, np.int32(key.to_frame), ends.last_frame),
                end=np.where(is_found, np.int8(End.CLIP), ends.end),
            ),
        )

    def between(self, key: VisitKey, pairs: Pairs, forward: Masks, backward: Masks) -> Masks:
        """The backward rows between a clip's keyframes, with better ones for regions that both directions lost.

        These regions are located in the middle of the clip, and propagated from there to both sides.

        Args:
            key: the backward visit.
            pairs: masks on the two keyframes.
            forward, backward: rows that were propagated from them.
        """
        frames = np.arange(key.start + 1, key.stop)
        if not len(frames):
            return backward
        known = pairs.rows(forward, backward)
        support = _support_by_frame(pairs.stops.region, frames, known)
        lost = _largest(pairs.stops, np.flatnonzero(support.min(axis=1) < SURE_SUPPORT))
        if not len(lost):
            return backward
        middle = (key.start + key.stop) // 2
        found = self._located(
            key, middle, pairs.stops.take(lost), [replace(pairs.starts, region=pairs.stops.region), pairs.stops], known
        )
        if not len(found):
            return backward
        new = Masks.concatenate([found, *self._to_both_sides(key, found, middle)])
        row, column = np.searchsorted(pairs.stops.region, new.region), new.frame - frames[0]
        better = new.take(new.score > support[row, column])
        return Masks.concatenate([_without(backward, better), better])

    def _to_both_sides(self, key: VisitKey, found: Masks, middle: int) -> list[Masks]:
        """Rows for masks on the middle frame of a clip, propagated to the frames on both sides."""
        rows = []
        for start, stop, direction in (
            (key.start, middle, Direction.BACKWARD),
            (middle, key.stop, Direction.FORWARD),
        ):
            masklets = self._propagator.propagate(Clip(self._video, start, stop), found.rles, direction)
            sides = Masks.from_masklets(masklets, regions=found.region, source=source_of(key.direction))
            rows.append(sides.take((sides.frame > key.start) & (sides.frame < key.stop)))
        return rows

    def _located(
        self, key: VisitKey, frame: int, wanted: Masks, remembered: Sequence[Masks], propagated: Masks
    ) -> Masks:
        """Rows for the wanted regions that are located on a frame, with enough support.

        Args:
            key: the visit; the rows get its source.
            frame: where they are located.
            wanted: one row for each region.
            remembered: masks of these regions and of others; each table is of one frame.
            propagated: masks of these regions and of others as they were propagated, the frame's among them.
        """
        if not len(wanted):
            return wanted
        memories: list[list[Any]] = [[] for _ in range(len(wanted))]
        for table in remembered:
            of_wanted = _row_of(table.region, wanted.region)
            seen = np.flatnonzero(of_wanted >= 0)
            masks = table.take(of_wanted[seen])
            if len(masks):
                sightings = self._locator.sightings(self._video[int(masks.frame[0])], masks.rles)
                for row, sighting in zip(seen.tolist(), sightings, strict=True):
                    memories[row].append(sighting)
        here = _best(propagated.take(propagated.frame == frame))
        counts = [*here.rles.counts, *Rles.blank(here.rles.size).counts]  # the last is for those that flow lost
        of_wanted = _row_of(here.region, wanted.region)
        located = self._locator.locate(
            self._video[frame],
            memories,
            Rles(here.rles.size, tuple(counts[row] for row in of_wanted.tolist())),
            np.append(here.score, np.float32(0))[of_wanted],
        )
        found = np.flatnonzero(located.support >= _LEAST_SUPPORT)
        rows = PropagatedMasks(
            rles=located.rles.take(found),
            prompt=found.astype(np.int32),
            frame=np.full(len(found), frame, np.int32),
            score=located.support[found],
        )
        ends = np.full(len(wanted), End.CLIP, np.int8)
        return Masks.from_masklets(Masklets(rows, ends), regions=wanted.region, source=source_of(key.direction))


def sure_or_linked(key: VisitKey, propagated: Propagated, linked: Int64[np.ndarray, " l"]) -> Propagated:
    """Without the masks of little support whose regions have no match at the clip's end; their masklets end before."""
    rows = Masks.concatenate([propagated.between, propagated.on_keyframe])
    is_kept = (rows.score >= SURE_SUPPORT) | np.isin(rows.region, linked)
    n_between, ends = len(propagated.between), propagated.terminations
    distance = np.zeros(len(ends), np.int32)
    kept = rows.take(is_kept)
    np.maximum.at(distance, _row_of(ends.region, kept.region), np.abs(kept.frame - key.from_frame))
    last_frame = (ends.from_frame + np.sign(key.to_frame - key.from_frame) * distance).astype(np.int32)
    return Propagated(
        between=propagated.between.take(is_kept[:n_between]),
        on_keyframe=propagated.on_keyframe.take(is_kept[n_between:]),
        terminations=replace(
            ends,
            last_frame=last_frame,
            end=np.where(last_frame == ends.last_frame, ends.end, np.int8(End.LOST)),
        ),
    )


def _row_of(regions: Int64[np.ndarray, " r"], wanted: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
    """The row number of each wanted region in a table; -1 where it has none."""
    row_of = {region: row for row, region in enumerate(regions.tolist())}
    return np.array([row_of.get(region, -1) for region in wanted.tolist()], np.int64)


def _support(regions: Int64[np.ndarray, " r"], rows: Masks) -> Float32[np.ndarray, " r"]:
    """The support of each region's row; 0 where it has none."""
    return np.append(rows.score, np.float32(0))[_row_of(rows.region, regions)]


def _support_by_frame(
    regions: Int64[np.ndarray, " r"], frames: Int64[np.ndarray, " f"], rows: Masks
) -> Float32[np.ndarray, "r f"]:
    """The largest support of each region, ascending, on each of consecutive frames; 0 where it has no row."""
    support = np.zeros((len(regions), len(frames)), np.float32)
    np.maximum.at(support, (np.searchsorted(regions, rows.region), rows.frame - frames[0]), rows.score)
    return support


def _best(rows: Masks) -> Masks:
    """One row for each region: the one with the most support."""
    ordered = rows.take(np.argsort(-rows.score, kind="stable"))
    return ordered.take(np.unique(ordered.region, return_index=True)[1])


def _largest(masks: Masks, rows: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " l"]:
    """Of these rows those of the largest masks, ascending."""
    area_px = masks.rles.area_px()[rows]
    return np.sort(rows[np.argsort(-area_px, kind="stable")][:_MAX_LOCATED])


def _without(rows: Masks, others: Masks) -> Masks:
    """The rows whose region has none of the other rows on the same frame."""
    there = set(zip(others.region.tolist(), others.frame.tolist(), strict=True))
    here = zip(rows.region.tolist(), rows.frame.tolist(), strict=True)
    return rows.take(np.array([one not in there for one in here], bool))
