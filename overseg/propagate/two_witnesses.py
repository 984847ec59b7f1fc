"""Follows prompted objects by two witnesses: a propagator from frame to frame, and a locator on keyframes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.visit import Direction
from overseg.stages import Clip, MaskLocator, MaskPropagator, PromptMasks, Video

_MAX_CLIP_FRAMES = 100  # frames whose masks are in memory together
_SURE_SUPPORT, _SURE_IOU = 0.9, 0.9  # with this support, and this IoU with the located mask, one direction is enough
_WEAK_SUPPORT = 0.7  # where neither direction has more on some frame, objects are located in the middle too

ScoredMask = tuple[bytes, float]  # an encoded mask and its score
ByObject = dict[int, ScoredMask]
ByFrame = dict[int, ByObject]


@dataclass(frozen=True)
class _Keyframe:
    """A frame on which objects were located: their masks, and what to remember of them."""

    frame: int
    found: ByObject
    sightings: Mapping[int, Any]


class TwoWitnessFollower:
    """Propagates masks from keyframe to keyframe, locates them there, and fills the frames between from both ends.

    1. The propagator propagates masks from one keyframe to the next.
    2. The locator finds each object there: near its propagated mask, or by the appearance of its first and its latest
       mask. An object that is not found is searched for on the next keyframes, within a growing radius.
    3. The propagator propagates the masks back. Each frame between gets, for each object, the mask with more support.
    4. Where neither direction has enough support on some frame, the object is located on the middle frame too, and so
       on in both halves.
    """

    def __init__(
        self, propagator: MaskPropagator, prompt_masks: PromptMasks, locator: MaskLocator, *, step: int = 5
    ) -> None:
        """
        Args:
            propagator: propagates masks from frame to frame.
            prompt_masks: makes masks of points and boxes.
            locator: locates them on keyframes.
            step: frames from one keyframe to the next, 100 at most; with 0 masks are only propagated.
        """
        self._propagator, self._prompt_masks, self._locator, self._step = propagator, prompt_masks, locator, step

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Follow objects from their prompts through a whole shot; see `stages.PromptedPropagator`.

        Raises:
            InputError: a prompt that cannot be; see `Prompts.check`.
        """
        prompts.check(video.info, shot)
        return self._followed(video, prompts, shot)

    def _followed(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        if not len(prompts):
            return
        given = {frame: self._given(video, prompts, frame) for frame in np.unique(prompts.frame).tolist()}
        objects = list(dict.fromkeys(prompts.object.tolist()))
        first, size = min(given), video.info.size
        before = self._before_their_prompts(video, given, first)
        here = given[first] | before.get(first, {})
        yield ObjectMasks.on_frame(size, first, objects, here)
        for frame, found in self._one_way(video, given[first], first, shot.stop, given):
            yield ObjectMasks.on_frame(size, frame, objects, before.get(frame, {}) | found)
        for frame, found in self._one_way(video, here, first, shot.start, {}):
            yield ObjectMasks.on_frame(size, frame, objects, found)

    def _given(self, video: Video, prompts: Prompts, frame: int) -> ByObject:
        return self._prompt_masks.masks(video[frame], prompts.take(prompts.frame == frame)).by_object()

    def _before_their_prompts(self, video: Video, given: Mapping[int, ByObject], first: int) -> ByFrame:
        """The masks, from frame `first` on, of objects that are prompted after it, by frame."""
        found: ByFrame = {}
        known: set[int] = set()
        for prompted in sorted(given):
            new = {one: mask for one, mask in given[prompted].items() if one not in known}
            known |= set(new)
            for frame, masks in self._one_way(video, new, prompted, first, {}):
                found[frame] = found.get(frame, {}) | masks
        return found

    def _one_way(
        self, video: Video, masks: ByObject, first: int, last: int, given: Mapping[int, ByObject]
    ) -> Iterator[tuple[int, ByObject]]:
        """The frames after `first` up to `last`, which may be the earlier one, with the masks there."""
        sign = 1 if last > first else -1
        here = self._keyframe(video, first, masks) if first != last else None
        oldest = dict(here.sightings) if here else {}
        latest = dict(oldest)
        while here and here.frame != last:
            ahead = [
                abs(last - here.frame),
                *(sign * (at - here.frame) for at in given if sign * (at - here.frame) > 0),
            ]
            target = here.frame + sign * min(*ahead, self._step or _MAX_CLIP_FRAMES, _MAX_CLIP_FRAMES)
            propagated = self._propagated(video, here, target)
            prompted = given.get(target, {})
            memories = {one: _distinct(oldest[one], latest[one]) for one in latest if one not in prompted}
            there = self._keyframe(video, target, self._located(video, target, memories, propagated) | prompted)
            latest |= there.sightings
            oldest = latest | oldest | {one: there.sightings[one] for one in prompted if one in there.sightings}
            found = self._between(video, here, there, propagated, oldest) | {target: there.found}
            for frame in range(here.frame + sign, target + sign, sign):
                yield frame, found.get(frame, {})
            here = there

    def _between(
        self, video: Video, here: _Keyframe, there: _Keyframe, propagated: ByFrame, oldest: Mapping[int, Any]
    ) -> ByFrame:
        """The frames between two keyframes: for each object the mask of the direction with more support."""
        sign = 1 if there.frame > here.frame else -1
        frames = range(here.frame + sign, there.frame, sign)
        if not self._step or not frames:
            return propagated
        unsure = {
            one: mask for one, mask in there.found.items() if not self._is_sure(video, propagated, there, one, mask)
        }
        back = self._propagated(video, _Keyframe(there.frame, unsure, {}), here.frame)
        shown = {frame: _better(propagated.get(frame, {}), back.get(frame, {})) for frame in frames}
        weak = [
            one
            for one in {**here.found, **there.found}
            if min(shown[frame].get(one, (b"", 0.0))[1] for frame in frames) < _WEAK_SUPPORT
        ]
        if not weak:
            return shown
        middle = self._middle(video, here, there, shown, weak, oldest)
        here, there = (_only(keyframe, weak) for keyframe in (here, there))
        halves = [
            self._between(video, here, middle, _only_frames(propagated, weak), oldest),
            self._between(video, middle, there, self._propagated(video, middle, there.frame), oldest),
            {middle.frame: middle.found},
        ]
        for half in halves:
            for frame in set(half) & set(frames):
                shown[frame] = {one: mask for one, mask in shown[frame].items() if one not in weak} | half[frame]
        return shown

    def _middle(
        self,
        video: Video,
        here: _Keyframe,
        there: _Keyframe,
        shown: ByFrame,
        weak: Sequence[int],
        oldest: Mapping[int, Any],
    ) -> _Keyframe:
        """The frame halfway between two keyframes, as a keyframe of these objects."""
        frame = (here.frame + there.frame) // 2
        memories = {
            one: _distinct(oldest[one], *(side.sightings[one] for side in (here, there) if one in side.sightings))
            for one in weak
        }
        return self._keyframe(video, frame, self._located(video, frame, memories, shown))

    def _is_sure(self, video: Video, propagated: ByFrame, there: _Keyframe, one: int, mask: ScoredMask) -> bool:
        """Whether an object was propagated to a keyframe so well that propagating it back would change nothing."""
        counts, support = propagated.get(there.frame, {}).get(one, (b"", 0.0))
        if support < _SURE_SUPPORT:
            return False
        size = video.info.size
        return bool(Rles(size, (counts,)).iou(Rles(size, (mask[0],)))[0, 0] >= _SURE_IOU)

    def _keyframe(self, video: Video, frame: int, found: ByObject) -> _Keyframe:
        """A keyframe with the masks on it that are not empty."""
        rles = Rles(video.info.size, tuple(counts for counts, _ in found.values()))
        seen = np.flatnonzero(rles.area_px() > 0).tolist()
        objects = list(found)
        if not self._step or not seen:
            return _Keyframe(frame, {objects[row]: found[objects[row]] for row in seen}, {})
        sightings = self._locator.sightings(video[frame], rles.take(seen))
        here = [objects[row] for row in seen]
        return _Keyframe(frame, {one: found[one] for one in here}, dict(zip(here, sightings, strict=True)))

    def _located(
        self, video: Video, frame: int, memories: Mapping[int, Sequence[Any]], propagated: ByFrame
    ) -> ByObject:
        """The remembered objects located on a frame; with step 0, the propagated masks."""
        here = propagated.get(frame, {})
        if not self._step:
            return dict(here)
        if not memories:
            return {}
        nothing = Rles.blank(video.info.size).counts[0]
        there = [here.get(one, (nothing, 0.0)) for one in memories]
        located = self._locator.locate(
            video[frame],
            list(memories.values()),
            Rles(video.info.size, tuple(counts for counts, _ in there)),
            np.array([support for _, support in there], np.float32),
        )
        found = zip(located.rles.counts, located.predicted_iou.tolist(), strict=True)
        return dict(zip(memories, found, strict=True))

    def _propagated(self, video: Video, here: _Keyframe, target: int) -> ByFrame:
        """The masks of a keyframe, propagated up to another frame, by frame."""
        if not here.found or target == here.frame:
            return {}
        direction = Direction.FORWARD if target > here.frame else Direction.BACKWARD
        clip = Clip(video, min(here.frame, target), max(here.frame, target))
        objects = list(here.found)
        rles = Rles(video.info.size, tuple(counts for counts, _ in here.found.values()))
        masks = self._propagator.propagate(clip, rles, direction).masks
        found: ByFrame = {}
        for row, frame, counts, score in zip(
            masks.prompt.tolist(), masks.frame.tolist(), masks.rles.counts, masks.score.tolist(), strict=True
        ):
            found.setdefault(frame, {})[objects[row]] = (counts, score)
        return found


def _distinct(*sightings: Any) -> list[Any]:
    """Each sighting once, in order."""
    return list({id(sighting): sighting for sighting in sightings}.values())


def _better(one: ByObject, other: ByObject) -> ByObject:
    """For each object the mask with more support; the first where they are equal."""
    chosen = dict(one)
    for number, (counts, support) in other.items():
        if number not in chosen or support > chosen[number][1]:
            chosen[number] = counts, support
    return chosen


def _only(keyframe: _Keyframe, objects: Sequence[int]) -> _Keyframe:
    """The keyframe with these objects alone."""
    return _Keyframe(
        keyframe.frame,
        {one: mask for one, mask in keyframe.found.items() if one in objects},
        {one: seen for one, seen in keyframe.sightings.items() if one in objects},
    )


def _only_frames(found: ByFrame, objects: Sequence[int]) -> ByFrame:
    return {frame: {one: mask for one, mask in masks.items() if one in objects} for frame, masks in found.items()}
