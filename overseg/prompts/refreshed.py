"""Following of all kinds of prompts by a propagator of masks, and a model that segments them again on the way."""

from collections.abc import Iterator, Mapping

import numpy as np

from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.visit import Direction
from overseg.stages import Clip, MaskPropagator, PromptMasks, Video

Found = tuple[bytes, float]  # an encoded mask and its score
ByObject = dict[int, Found]

_MOST_AT_ONCE = 100  # frames whose masks are in memory together


class RefreshedFollow:
    """Makes masks of points and boxes on their own frames, has them propagated a few frames, and sees them anew there.

    A propagator without a memory of the object drifts off it bit by bit. Every `step` frames the model is asked for the
    mask that it sees where one was propagated, and where the two agree the model's is propagated on.
    """

    def __init__(self, propagator: MaskPropagator, prompt_masks: PromptMasks, *, step: int = 5) -> None:
        """
        Args:
            propagator: propagates masks.
            prompt_masks: makes them, and makes them anew.
            step: frames from one such time to the next; 0 never asks again. A hundred frames are propagated at once at
                most, so that memory stays bounded; then what came of them is propagated on.
        """
        self._propagator, self._prompt_masks, self._step = propagator, prompt_masks, step

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Propagate objects from their prompts through a whole shot; see `stages.PromptedPropagator`.

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
        first = min(given)
        before = self._before_their_prompts(video, given, first)
        here = given[first] | before.get(first, {})
        yield self._table(video, objects, first, here)
        for frame, found in self._propagated(video, given[first], first, shot.stop, given):
            yield self._table(video, objects, frame, before.get(frame, {}) | found)
        for frame, found in self._propagated(video, here, first, shot.start, {}):
            yield self._table(video, objects, frame, found)

    def _given(self, video: Video, prompts: Prompts, frame: int) -> ByObject:
        masks = self._prompt_masks.masks(video[frame], prompts.take(prompts.frame == frame))
        return dict(zip(masks.object.tolist(), zip(masks.rles.counts, masks.score.tolist(), strict=True), strict=True))

    def _before_their_prompts(self, video: Video, given: Mapping[int, ByObject], first: int) -> dict[int, ByObject]:
        """Where objects that are prompted later than the first lie on the frames from there on, by frame."""
        found: dict[int, ByObject] = {}
        known: set[int] = set()
        for prompted in sorted(given):
            new = {one: mask for one, mask in given[prompted].items() if one not in known}
            known |= set(new)
            for frame, masks in self._propagated(video, new, prompted, first, {}):
                found[frame] = found.get(frame, {}) | masks
        return found

    def _propagated(
        self, video: Video, masks: ByObject, first: int, last: int, given: Mapping[int, ByObject]
    ) -> Iterator[tuple[int, ByObject]]:
        """Frames after `first` up to `last`, which may be the earlier one, with the masks propagated or given there."""
        way = 1 if last > first else -1
        direction = Direction.FORWARD if way > 0 else Direction.BACKWARD
        at = seen = first
        while at != last:
            ahead = [abs(last - at), *(way * (frame - at) for frame in given if way * (frame - at) > 0)]
            until_seen = [self._step - abs(at - seen)] if self._step else []
            length = min(*ahead, *until_seen, _MOST_AT_ONCE)
            clip = Clip(video, min(at, at + way * length), max(at, at + way * length))
            found = self._through(clip, masks, direction)
            at += way * length
            if length in (*ahead, *until_seen):
                found[at] = self._refreshed(video, at, found.get(at, {})) | given.get(at, {})
                seen = at
            masks = found.get(at, {})
            for distance in range(length - 1, -1, -1):
                yield at - way * distance, found.get(at - way * distance, {})

    def _through(self, clip: Clip, masks: ByObject, direction: Direction) -> dict[int, ByObject]:
        objects = list(masks)
        rles = Rles(clip.video.info.size, tuple(counts for counts, _ in masks.values()))
        propagated = self._propagator.propagate(clip, rles, direction).masks
        found: dict[int, ByObject] = {}
        for row, frame, counts, score in zip(
            propagated.prompt.tolist(),
            propagated.frame.tolist(),
            propagated.rles.counts,
            propagated.score.tolist(),
            strict=True,
        ):
            found.setdefault(frame, {})[objects[row]] = (counts, score)
        return found

    def _refreshed(self, video: Video, frame: int, found: ByObject) -> ByObject:
        if not self._step or not found:
            return found
        propagated = ObjectMasks(
            rles=Rles(video.info.size, tuple(counts for counts, _ in found.values())),
            object=np.array(list(found), np.int32),
            frame=np.full(len(found), frame, np.int32),
            score=np.array([score for _, score in found.values()], np.float32),
        )
        anew = self._prompt_masks.refreshed(video[frame], propagated)
        return dict(zip(anew.object.tolist(), zip(anew.rles.counts, anew.score.tolist(), strict=True), strict=True))

    def _table(self, video: Video, objects: list[int], frame: int, found: ByObject) -> ObjectMasks:
        nothing = Rles.from_masks(np.zeros((1, *video.info.size), dtype=bool)).counts[0]
        here = [found.get(one, (nothing, 0.0)) for one in objects]
        return ObjectMasks(
            rles=Rles(video.info.size, tuple(counts for counts, _ in here)),
            object=np.array(objects, np.int32),
            frame=np.full(len(objects), frame, np.int32),
            score=np.array([score for _, score in here], np.float32),
        )
