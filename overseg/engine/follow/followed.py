"""What a propagator finds of prompted objects, frame by frame, as visits of a store."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Int8, Int32, Int64

from overseg.data.masklets import End
from overseg.data.masks import ROW_BITS, KeyframeMasks, Masks, Source, region_id
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Visit, VisitKey

_FRAMES_AT_ONCE = 64


def regions_of(prompts: Prompts) -> dict[int, int]:
    """A region for each prompted object, named after the frame on which it was prompted first."""
    order = np.argsort(-prompts.frame, kind="stable")  # the earliest last, which then is the one that stays
    frames = dict(zip(prompts.object[order].tolist(), prompts.frame[order].tolist(), strict=True))
    return {one: int(region_id(frame, 0, np.array([one]))[0]) for one, frame in frames.items()}


def object_of(region: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The numbers of the objects that regions from `regions_of` are of."""
    return region & ((1 << ROW_BITS) - 1)


class Followed:
    """Cuts what comes frame by frame into visits: on from the first prompt, then back from there."""

    def __init__(
        self,
        prompts: Prompts,
        regions: Mapping[int, int],
        *,
        min_area_px: int,
        from_frame: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """
        Args:
            prompts: what was followed, at least one.
            regions: the region of each object.
            min_area_px: smaller masks are left out.
            from_frame: of objects that come without a prompt, the frame that they were propagated from.
        """
        self._regions, self._min_area_px = regions, max(1, min_area_px)
        self._given = set(zip(prompts.object.tolist(), prompts.frame.tolist(), strict=True))
        self._first = int(prompts.frame.min())
        first_of = {one: min(frame for other, frame in self._given if other == one) for one, _ in self._given}
        self._first_of = {**first_of, **from_frame}

    def visits(self, found: Iterator[ObjectMasks]) -> Iterator[Visit]:
        """All masks, some frames at a time.

        Args:
            found: what `PromptedPropagator.follow` gives, in its order.
        """
        waiting: list[_Seen] = []
        began = time.perf_counter()
        for masks, following in _with_following(found):
            frame = int(masks.frame[0])
            turns = following is None or self._direction(int(following.frame[0])) != self._direction(frame)
            ends = np.full(len(masks), End.CLIP, np.int8) if following is None or turns else self._ends(following)
            waiting.append(_Seen(frame, masks.object, self._rows(masks), self._is_there(masks), ends))
            if turns or len(waiting) == _FRAMES_AT_ONCE:
                now = time.perf_counter()
                yield self._visit(waiting, {"follow": now - began})
                waiting, began = [], now

    def _visit(self, seen: list["_Seen"], seconds: dict[str, float]) -> Visit:
        rows = Masks.concatenate([one.rows for one in seen])
        rows = rows.take(np.lexsort((rows.region, rows.frame)))
        frames = [one.frame for one in seen]
        key = VisitKey(0, min(frames), max(frames), self._direction(frames[0]))
        return Visit.of_masks(key, rows, self._endings(seen, key.direction), seconds)

    def _endings(self, seen: list["_Seen"], direction: Direction) -> Terminations:
        """A row for each stretch of frames, in the order in which they were gone through, that shows an object."""
        frames, is_there = np.array([one.frame for one in seen], np.int32), np.array([one.is_there for one in seen])
        nowhere = np.zeros((1, is_there.shape[1]), bool)
        starts = is_there & ~np.concatenate([nowhere, is_there[:-1]])
        stops = is_there & ~np.concatenate([is_there[1:], nowhere])
        (objects, first), (_, last) = np.nonzero(starts.T), np.nonzero(stops.T)
        source = Source.FORWARD if direction is Direction.FORWARD else Source.BACKWARD
        terminations = Terminations(
            region=np.array([self._regions[one] for one in seen[0].object[objects].tolist()], np.int64),
            source=np.full(len(objects), source, np.int8),
            from_frame=frames[first],
            last_frame=frames[last],
            end=np.array([one.ends for one in seen])[last, objects],
        )
        return terminations.take(np.argsort(terminations.region, kind="stable"))

    def _rows(self, masks: ObjectMasks) -> Masks:
        """The masks of one frame that are large enough, as a store keeps them."""
        frame, objects = int(masks.frame[0]), masks.object.tolist()
        is_there = self._is_there(masks)
        source = np.array([self._source(one, frame) for one in objects], np.int8)
        rows = Masks.from_keyframe(KeyframeMasks.from_rles(masks.rles), frame=frame, round_=0)
        propagated = source != Source.KEYFRAME
        columns = {
            "region": np.array([self._regions[one] for one in objects], np.int64),
            "source": source,
            "score": masks.score,
            "stability_score": np.where(propagated, np.nan, 1).astype(np.float32),
        }
        return Masks(**{**vars(rows), **columns}).take(is_there)

    def _ends(self, following: ObjectMasks) -> Int8[np.ndarray, " n"]:
        """Why each object goes no further than the frame before this one; CLIP where only its visit may end there."""
        is_small = following.rles.area_px() > 0
        return np.select([self._is_there(following), is_small], [End.CLIP, End.SMALL], End.GONE).astype(np.int8)

    def _is_there(self, masks: ObjectMasks) -> Bool[np.ndarray, " n"]:
        return masks.rles.area_px() >= self._min_area_px

    def _source(self, one: int, frame: int) -> Source:
        if (one, frame) in self._given:
            return Source.KEYFRAME
        return Source.FORWARD if frame > self._first_of[one] else Source.BACKWARD

    def _direction(self, frame: int) -> Direction:
        return Direction.FORWARD if frame >= self._first else Direction.BACKWARD


@dataclass(frozen=True)
class _Seen:
    """What was seen on one frame.

    Attributes:
        frame: which one.
        object: the number of each object, the same on all frames.
        rows: the masks of those that are there.
        is_there: which objects are.
        ends: why each goes no further, if it does not.
    """

    frame: int
    object: Int32[np.ndarray, " n"]
    rows: Masks
    is_there: Bool[np.ndarray, " n"]
    ends: Int8[np.ndarray, " n"]


def _with_following(found: Iterator[ObjectMasks]) -> Iterator[tuple[ObjectMasks, ObjectMasks | None]]:
    """The masks of each frame with those of the frame that comes next; None after the last."""
    before = None
    for masks in found:
        if before is not None:
            yield before, masks
        before = masks
    if before is not None:
        yield before, None
