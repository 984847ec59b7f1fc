"""The second witness of a sweep: masks that flow lost, or hardly supports, are located by their appearance.

A mask with little support is used only where it links two keyframes. It is not propagated on, and it is not shown
between keyframes, unless its region is matched at the clip's end. So a wrong one does little harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.masks import Masks
from overseg.data.rles import Rles
from overseg.data.visit import Direction, VisitKey
from overseg.engine.sweep.propagated import Propagated, source_of
from overseg.engine.sweep.region_rows import (
    Pairs,
    best_rows,
    mutual_best,
    row_of,
    support_by_frame,
    support_of,
    without,
)
from overseg.stages import Clip, LenientPropagator, MaskLocator, MaskPropagator, Video

SURE_SUPPORT = 0.5  # masks with less are used for links alone
_WEAK_SUPPORT = 0.7  # propagated masks with less are located too
_LEAST_SUPPORT = 0.45  # located masks with less are dropped
_LEAST_SIMILARITY = 0.3  # of pairs that are each other's best, on six clips, 95 in 100 are one region from here on
_SEEN_BEFORE = 1.1  # for the similarity of a region that was seen on an earlier keyframe
_MAX_LOCATED = 24  # masks on a keyframe, the largest: this bounds the work where everything is lost
_MAX_LOCATED_BETWEEN = 12  # the same on a frame between two keyframes


@dataclass(frozen=True)
class Sought:
    """Masks that a visit propagates, and may lose.

    Attributes:
        key: the visit.
        prompts: the masks.
        wanted: which of them may be located, or paired with masks of the keyframe at the clip's end.
        earlier: masks of the same regions on other keyframes; each table is of one frame.
    """

    key: VisitKey
    prompts: Masks
    wanted: Bool[np.ndarray, " p"]
    earlier: Sequence[Masks] = ()


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

    def unsure(self, sought: Sought, propagated: Propagated) -> Bool[np.ndarray, " p"]:
        """Which of the wanted prompts have little support, or no mask, on the keyframe at the clip's end."""
        return sought.wanted & (support_of(sought.prompts.region, propagated.on_keyframe) < _WEAK_SUPPORT)

    def on_keyframe(self, sought: Sought, propagated: Propagated, unsure: Bool[np.ndarray, " p"]) -> Propagated:
        """The propagated masks, with the largest of the unsure prompts located on the keyframe at the clip's end."""
        there, prompts = propagated.on_keyframe, sought.prompts
        rows = self._to_locate(prompts, np.flatnonzero(unsure))
        memories = self._memories(prompts.take(rows), [prompts, *sought.earlier])
        found = self._located(sought.key, sought.key.to_frame, prompts.take(rows), memories, there)
        found = replace(found, score=np.maximum(found.score, support_of(found.region, there)))
        return _with_found(sought.key, propagated, found)

    def similar(self, sought: Sought, propagated: Propagated, unsure: Bool[np.ndarray, " p"], own: Masks) -> Propagated:
        """The propagated masks, with similar masks of the keyframe at the clip's end in place of those that are unsure.

        A wanted prompt and a mask are a pair where each is the most similar one to the other. Of prompts that are
        nearly as similar, those that were seen on earlier keyframes are preferred, so that long tracks continue.

        Args:
            sought, propagated, unsure: as before.
            own: masks that were made on that keyframe.
        """
        if not unsure.any():
            return propagated
        key, paired = sought.key, sought.prompts.take(sought.wanted)
        memories = self._memories(paired, [sought.prompts])
        similarity = self._locator.similarities(self._video[key.to_frame], memories, own.rles)
        seen = np.concatenate([paired.region[:0], *(table.region for table in sought.earlier)])
        preference = np.where(np.isin(paired.region, seen), _SEEN_BEFORE, 1)
        pairs = mutual_best(similarity * preference[:, None], at_least=_LEAST_SIMILARITY)
        rows, at = pairs[unsure[sought.wanted][pairs[:, 0]]].T
        masks = PropagatedMasks(own.rles.take(at), rows.astype(np.int32), own.frame[at], similarity[rows, at])
        return _with_found(key, propagated, self._rows(key, paired, masks))

    def between(self, key: VisitKey, pairs: Pairs, forward: Masks, backward: Masks) -> Masks:
        """The backward rows between a clip's keyframes, with better ones for regions that both directions lost.

        These regions are located on the frame where most of their area is lost, and propagated from there to both
        sides.

        Args:
            key: the backward visit.
            pairs: masks on the two keyframes.
            forward, backward: rows that were propagated from them.
        """
        frames = np.arange(key.start + 1, key.stop)
        if not len(frames):
            return backward
        known = pairs.rows(forward, backward)
        support = support_by_frame(pairs.stops.region, frames, known)
        is_lost = support < SURE_SUPPORT
        lost = self._to_locate(pairs.stops, np.flatnonzero(is_lost.any(axis=1)), _MAX_LOCATED_BETWEEN)
        if not len(lost):
            return backward
        stops = pairs.stops.take(lost)
        at = int(frames[_where_most_is_lost(is_lost[lost], stops.rles.area_px())])
        memories = self._memories(stops, [replace(pairs.starts, region=pairs.stops.region), pairs.stops])
        found = self._located(key, at, stops, memories, known)
        if not len(found):
            return backward
        new = Masks.concatenate([found, *self._to_both_sides(key, found, at)])
        row, column = np.searchsorted(pairs.stops.region, new.region), new.frame - frames[0]
        better = new.take(new.score > support[row, column])
        return Masks.concatenate([without(backward, better), better])

    def _to_both_sides(self, key: VisitKey, found: Masks, at: int) -> list[Masks]:
        """Rows for masks on a frame inside of a clip, propagated to the frames on both sides."""
        rows = []
        for start, stop, direction in (
            (key.start, at, Direction.BACKWARD),
            (at, key.stop, Direction.FORWARD),
        ):
            masklets = self._propagator.propagate(Clip(self._video, start, stop), found.rles, direction)
            sides = Masks.from_masklets(masklets, regions=found.region, source=source_of(key.direction))
            rows.append(sides.take((sides.frame > key.start) & (sides.frame < key.stop)))
        return rows

    def _to_locate(
        self, masks: Masks, rows: Int64[np.ndarray, " k"], at_most: int = _MAX_LOCATED
    ) -> Int64[np.ndarray, " l"]:
        """Of these rows those of the largest masks, ascending; not of masks that are too small to be located."""
        area_px = masks.rles.area_px()[rows]
        largest = np.argsort(-area_px, kind="stable")[:at_most]
        return np.sort(rows[largest[area_px[largest] >= self._locator.least_area_px(masks.rles.size)]])

    def _memories(self, wanted: Masks, remembered: Sequence[Masks]) -> list[list[Any]]:
        """The sightings of the wanted regions, one row for each, in tables of these regions and of others."""
        memories: list[list[Any]] = [[] for _ in range(len(wanted))]
        for table in remembered:
            of_wanted = row_of(table.region, wanted.region)
            seen = np.flatnonzero(of_wanted >= 0)
            masks = table.take(of_wanted[seen])
            if len(masks):
                sightings = self._locator.sightings(self._video[int(masks.frame[0])], masks.rles)
                for row, sighting in zip(seen.tolist(), sightings, strict=True):
                    memories[row].append(sighting)
        return memories

    def _located(
        self, key: VisitKey, frame: int, wanted: Masks, memories: Sequence[Sequence[Any]], propagated: Masks
    ) -> Masks:
        """Rows for the wanted regions that are located on a frame, with enough support.

        Args:
            key: the visit; the rows get its source.
            frame: where they are located.
            wanted: one row for each region.
            memories: the sightings of each.
            propagated: masks of these regions and of others as they were propagated, the frame's among them.
        """
        if not len(wanted):
            return wanted
        here = best_rows(propagated.take(propagated.frame == frame))
        counts = [*here.rles.counts, *Rles.blank(here.rles.size).counts]  # the last is for those that flow lost
        of_wanted = row_of(here.region, wanted.region)
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
        return self._rows(key, wanted, rows)

    @staticmethod
    def _rows(key: VisitKey, wanted: Masks, found: PropagatedMasks) -> Masks:
        """Rows of a visit for masks that were found; `prompt` has row numbers of the wanted regions."""
        masklets = Masklets(found, np.full(len(wanted), End.CLIP, np.int8))
        return Masks.from_masklets(masklets, regions=wanted.region, source=source_of(key.direction))


def _where_most_is_lost(is_lost: Bool[np.ndarray, "m f"], area_px: Int64[np.ndarray, " m"]) -> int:
    """The number of the frame on which the masks that are lost have the largest area; of equal ones, the middle one."""
    lost_px = area_px @ is_lost
    most = np.flatnonzero(lost_px == lost_px.max())
    return int(most[np.abs(2 * most - (len(lost_px) - 1)).argmin()])


def sure_or_linked(key: VisitKey, propagated: Propagated, linked: Int64[np.ndarray, " l"]) -> Propagated:
    """Without the masks of little support whose regions have no match at the clip's end; their masklets end before."""
    rows = Masks.concatenate([propagated.between, propagated.on_keyframe])
    is_kept = (rows.score >= SURE_SUPPORT) | np.isin(rows.region, linked)
    n_between, ends = len(propagated.between), propagated.terminations
    distance = np.zeros(len(ends), np.int32)
    kept = rows.take(is_kept)
    np.maximum.at(distance, row_of(ends.region, kept.region), np.abs(kept.frame - key.from_frame))
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


def _with_found(key: VisitKey, propagated: Propagated, found: Masks) -> Propagated:
    """With masks on the keyframe at the clip's end in place of what became of their regions."""
    there, ends = propagated.on_keyframe, propagated.terminations
    rows = Masks.concatenate([there.take(~np.isin(there.region, found.region)), found])
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
