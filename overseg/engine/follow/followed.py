"""From masks of prompted objects, frame by frame, to visits of a store."""

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
    """A region for each prompted object. Its keyframe is the first frame on which the object is prompted."""
    order = np.argsort(-prompts.frame, kind="stable")  # the earliest prompt comes last, and so stays in the dict
    frames = dict(zip(prompts.object[order].tolist(), prompts.frame[order].tolist(), strict=True))
    return {one: int(region_id(frame, 0, np.array([one]))[0]) for one, frame in frames.items()}


def object_of(region: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The object numbers of regions that `regions_of` made."""
    return region & ((1 << ROW_BITS) - 1)


class Followed:
    """Cuts masks that come frame by frame into visits: forward from the first prompt, then backward from there."""

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
            prompts: of the objects that are followed, at least one.
            regions: the region of each object.
            min_area_px: smaller masks are left out.
            from_frame: by object without a prompt, the frame from which it was propagated.
        """
        self._regions, self._min_area_px = regions, max(1, min_area_px)
        self._prompted = set(zip(prompts.object.tolist(), prompts.frame.tolist(), strict=True))
        self._first = int(prompts.frame.min())
        first_of = {one: min(frame for other, frame in self._prompted if other == one) for one, _ in self._prompted}
        self._first_of = {**first_of, **from_frame}

    def visits(self, found: Iterator[ObjectMasks]) -> Iterator[Visit]:
        """Visits of all masks, of some frames each.

        Args:
            found: the masks of each frame, from `PromptedPropagator.follow` and in its order.
        """
        waiting: list[_FrameRows] = []
        began = time.perf_counter()
        for masks, following in _with_following(found):
            frame = int(masks.frame[0])
            turns = following is None or self._direction(int(following.frame[0])) != self._direction(frame)
            ends = np.full(len(masks), End.CLIP, np.int8) if following is None or turns else self._ends(following)
            waiting.append(_FrameRows(frame, masks.object, self._rows(masks), self._is_visible(masks), ends))
            if turns or len(waiting) == _FRAMES_AT_ONCE:
                now = time.perf_counter()
                yield self._visit(waiting, {"follow": now - began})
                waiting, began = [], now

    def _visit(self, seen: list["_FrameRows"], seconds: dict[str, float]) -> Visit:
        rows = Masks.concatenate([one.rows for one in seen])
        rows = rows.take(np.lexsort((rows.region, rows.frame)))
        frames = [one.frame for one in seen]
        key = VisitKey(0, min(frames), max(frames), self._direction(frames[0]))
        return Visit.of_masks(key, rows, self._terminations(seen, key.direction), seconds)

    def _terminations(self, seen: list["_FrameRows"], direction: Direction) -> Terminations:
        """A row for each run of frames, in the order in which they come, on which an object is visible."""
        frames, is_visible = np.array([one.frame for one in seen], np.int32), np.array([one.is_visible for one in seen])
        nowhere = np.zeros((1, is_visible.shape[1]), bool)
        starts = is_visible & ~np.concatenate([nowhere, is_visible[:-1]])
        stops = is_visible & ~np.concatenate([is_visible[1:], nowhere])
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
        """The store's rows for the masks of one frame that are large enough."""
        frame, objects = int(masks.frame[0]), masks.object.tolist()
        is_visible = self._is_visible(masks)
        source = np.array([self._source(one, frame) for one in objects], np.int8)
        rows = Masks.from_keyframe(KeyframeMasks.from_rles(masks.rles), frame=frame, round_=0)
        propagated = source != Source.KEYFRAME
        columns = {
            "region": np.array([self._regions[one] for one in objects], np.int64),
            "source": source,
            "score": masks.score,
            "stability_score": np.where(propagated, np.nan, 1).astype(np.float32),
        }
        return Masks(**{**vars(rows), **columns}).take(is_visible)

    def _ends(self, following: ObjectMasks) -> Int8[np.ndarray, " n"]:
        """Why each object would end on the frame before this one; CLIP if it is visible on this one."""
        is_small = following.rles.area_px() > 0
        return np.select([self._is_visible(following), is_small], [End.CLIP, End.SMALL], End.GONE).astype(np.int8)

    def _is_visible(self, masks: ObjectMasks) -> Bool[np.ndarray, " n"]:
        return masks.rles.area_px() >= self._min_area_px

    def _source(self, one: int, frame: int) -> Source:
        if (one, frame) in self._prompted:
            return Source.KEYFRAME
        return Source.FORWARD if frame > self._first_of[one] else Source.BACKWARD

    def _direction(self, frame: int) -> Direction:
        return Direction.FORWARD if frame >= self._first else Direction.BACKWARD


@dataclass(frozen=True)
class _FrameRows:
    """The masks of one frame.

    Attributes:
        frame: its index.
        object: the number of each object, the same on all frames.
        rows: the masks of the visible objects.
        is_visible: which objects are visible.
        ends: why each object ends on this frame, if it does.
    """

    frame: int
    object: Int32[np.ndarray, " n"]
    rows: Masks
    is_visible: Bool[np.ndarray, " n"]
    ends: Int8[np.ndarray, " n"]


def _with_following(found: Iterator[ObjectMasks]) -> Iterator[tuple[ObjectMasks, ObjectMasks | None]]:
    """The masks of each frame, with those of the next one; None after the last."""
    before = None
    for masks in found:
        if before is not None:
            yield before, masks
        before = masks
    if before is not None:
        yield before, None
