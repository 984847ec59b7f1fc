"""One sub-sequence: what is followed through it, from a detection in it or from masks that reach its edge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from overseg.data.detections import Detections
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.visit import Visit
from overseg.engine.follow.followed import Followed, regions_of
from overseg.stages import PromptedPropagator, Video


@dataclass(frozen=True)
class Propagated:
    """Masks on the frame just outside of a stretch, on the side from which it is reached.

    Attributes:
        masks: one for each object that is seen there, all on one frame.
        regions: the region of each object.
    """

    masks: ObjectMasks
    regions: Mapping[int, int]

    @property
    def frame(self) -> int:
        """The frame, where there is a mask."""
        return int(self.masks.frame[0])


class Stretch:
    """Follows objects through one run of frames and no further, so that what is remembered ends with it."""

    def __init__(self, video: Video, propagator: PromptedPropagator, shot: Shot, *, min_area_px: int) -> None:
        self._video, self._propagator, self._shot = video, propagator, shot
        self._min_area_px = max(1, min_area_px)

    def from_prompts(self, prompts: Prompts) -> Iterator[Visit]:
        """Follow what is prompted in the stretch, both ways."""
        followed = Followed(prompts, regions_of(prompts), min_area_px=self._min_area_px)
        return followed.visits(self._propagator.follow(self._video, prompts, self._shot))

    def from_edge(self, propagated: Propagated) -> Iterator[Visit]:
        """Propagate over what reached the stretch's edge; nothing in the stretch is prompted."""
        prompts = _as_prompts(propagated.masks)
        shot = Shot(min(self._shot.start, propagated.frame), max(self._shot.stop, propagated.frame))
        found = self._propagator.follow(self._video, prompts, shot)
        return Followed(prompts, propagated.regions, min_area_px=self._min_area_px).visits(islice(found, 1, None))

    def seen(self, frame: int, detections: Detections) -> ObjectMasks:
        """The masks of what was detected on a frame, numbered from 0."""
        prompts = _of_boxes(self._video, frame, range(len(detections)), detections)
        return next(self._propagator.follow(self._video, prompts, Shot(frame, frame)))

    def reaching(self, propagated: Propagated, frame: int) -> dict[int, ObjectMasks]:
        """What is propagated from the edge to a frame of the stretch, by frame."""
        shot = Shot(min(frame, propagated.frame), max(frame, propagated.frame))
        found = self._propagator.follow(self._video, _as_prompts(propagated.masks), shot)
        return {int(masks.frame[0]): masks for masks in islice(found, 1, None)}

    def from_detections(
        self,
        frame: int,
        numbers: list[int],
        detections: Detections,
        propagated: Propagated | None,
        reaching: dict[int, ObjectMasks],
    ) -> Iterator[Visit]:
        """Follow what was detected, both ways, and with it what was propagated there and not detected.

        Args:
            frame: on which it was detected.
            numbers: of the objects that were detected.
            detections: their boxes.
            propagated: what reached the edge; None for nothing.
            reaching: from `reaching`, up to the frame.
        """
        prompts = [_of_boxes(self._video, frame, numbers, detections)]
        lost: list[int] = []
        if propagated is not None:
            here = reaching[frame]
            is_other = ~np.isin(here.object, numbers)
            is_there = here.rles.area_px() >= self._min_area_px
            prompts.append(_as_prompts(here.take(is_other & is_there)))
            lost = here.object[is_other & ~is_there].tolist()
        given = Prompts.concatenate(prompts)
        found = self._propagator.follow(self._video, given, self._shot)
        if propagated is None or not lost:
            return Followed(given, regions_of(given), min_area_px=self._min_area_px).visits(found)
        regions = {**regions_of(given), **{one: propagated.regions[one] for one in lost}}
        followed = Followed(
            given, regions, min_area_px=self._min_area_px, from_frame=dict.fromkeys(lost, propagated.frame)
        )
        return followed.visits(_with_lost(found, lost, reaching, self._video))


def _with_lost(
    found: Iterator[ObjectMasks], lost: list[int], reaching: dict[int, ObjectMasks], video: Video
) -> Iterator[ObjectMasks]:
    """The same with rows for objects that were propagated into the stretch and lost before they were looked for."""
    nothing = Rles.from_masks(np.zeros((1, *video.info.size), dtype=bool)).counts[0]
    for masks in found:
        frame = int(masks.frame[0])
        there = reaching.get(frame)
        known = {} if there is None else dict(zip(there.object.tolist(), range(len(there)), strict=True))
        more = ObjectMasks(
            rles=Rles(video.info.size, tuple(there.rles.counts[known[one]] if there else nothing for one in lost)),
            object=np.array(lost, np.int32),
            frame=np.full(len(lost), frame, np.int32),
            score=np.array([there.score[known[one]] if there else 0 for one in lost], np.float32),
        )
        yield ObjectMasks.concatenate([masks, more])


def _as_prompts(masks: ObjectMasks) -> Prompts:
    frame = int(masks.frame[0]) if len(masks) else 0
    return Prompts.of_masks(masks.rles, object=masks.object.tolist(), frame=frame)


def _of_boxes(video: Video, frame: int, numbers: range | list[int], detections: Detections) -> Prompts:
    boxes = detections.boxes_xyxy.tolist()
    return Prompts.of_boxes(video.info.size, object=list(numbers), frame=frame, boxes_xyxy=boxes)
