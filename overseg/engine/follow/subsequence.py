"""Following objects through one sub-sequence: from prompts, from detections, or from masks at its edge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from overseg.data.detections import Detections
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.shot import Shot
from overseg.data.visit import Visit
from overseg.engine.follow.followed import Followed, regions_of
from overseg.stages import PromptedPropagator, Video


@dataclass(frozen=True)
class EdgeMasks:
    """Masks on the frame next to a sub-sequence, from which they are propagated into it.

    Attributes:
        masks: one for each object that is visible there, all on one frame.
        regions: the region of each object.
    """

    masks: ObjectMasks
    regions: Mapping[int, int]

    @property
    def frame(self) -> int:
        """Index of the frame; there is at least one mask."""
        return int(self.masks.frame[0])


class Subsequence:
    """Follows objects through one sub-sequence. The propagator's memory does not extend beyond it."""

    def __init__(self, video: Video, propagator: PromptedPropagator, shot: Shot, *, min_area_px: int) -> None:
        self._video, self._propagator, self._shot = video, propagator, shot
        self._min_area_px = max(1, min_area_px)

    def from_prompts(self, prompts: Prompts) -> Iterator[Visit]:
        """Follow objects that are prompted in the sub-sequence, in both directions."""
        followed = Followed(prompts, regions_of(prompts), min_area_px=self._min_area_px)
        return followed.visits(self._propagator.follow(self._video, prompts, self._shot))

    def from_edge(self, edge: EdgeMasks) -> Iterator[Visit]:
        """Propagate masks from the edge through the sub-sequence, which has no prompts."""
        prompts = _as_prompts(edge.masks)
        shot = Shot(min(self._shot.start, edge.frame), max(self._shot.stop, edge.frame))
        found = self._propagator.follow(self._video, prompts, shot)
        return Followed(prompts, edge.regions, min_area_px=self._min_area_px).visits(islice(found, 1, None))

    def seen(self, frame: int, detections: Detections) -> ObjectMasks:
        """The masks of a frame's detections, numbered from 0."""
        prompts = _of_boxes(self._video, frame, range(len(detections)), detections)
        return next(self._propagator.follow(self._video, prompts, Shot(frame, frame)))

    def propagated(self, edge: EdgeMasks, frame: int) -> dict[int, ObjectMasks]:
        """The masks at the edge propagated up to a frame of the sub-sequence, by frame."""
        shot = Shot(min(frame, edge.frame), max(frame, edge.frame))
        found = self._propagator.follow(self._video, _as_prompts(edge.masks), shot)
        return {int(masks.frame[0]): masks for masks in islice(found, 1, None)}

    def from_detections(
        self,
        frame: int,
        numbers: list[int],
        detections: Detections,
        edge: EdgeMasks | None,
        propagated: dict[int, ObjectMasks],
    ) -> Iterator[Visit]:
        """Follow detected objects in both directions, together with propagated ones that were not detected.

        Args:
            frame: index of the detections' frame.
            numbers: of the detected objects.
            detections: their boxes.
            edge: masks at the edge; None if there are none.
            propagated: these masks up to the frame, from `propagated`.
        """
        rows = [_of_boxes(self._video, frame, numbers, detections)]
        lost: list[int] = []
        if edge is not None:
            on_frame = propagated[frame]
            is_other = ~np.isin(on_frame.object, numbers)
            is_visible = on_frame.rles.area_px() >= self._min_area_px
            rows.append(_as_prompts(on_frame.take(is_other & is_visible)))
            lost = on_frame.object[is_other & ~is_visible].tolist()
        prompts = Prompts.concatenate(rows)
        found = self._propagator.follow(self._video, prompts, self._shot)
        if edge is None or not lost:
            return Followed(prompts, regions_of(prompts), min_area_px=self._min_area_px).visits(found)
        regions = {**regions_of(prompts), **{one: edge.regions[one] for one in lost}}
        followed = Followed(prompts, regions, min_area_px=self._min_area_px, from_frame=dict.fromkeys(lost, edge.frame))
        return followed.visits(_with_lost(found, lost, propagated, self._video))


def _with_lost(
    found: Iterator[ObjectMasks], lost: list[int], propagated: dict[int, ObjectMasks], video: Video
) -> Iterator[ObjectMasks]:
    """The masks of each frame, with those of objects that were propagated and lost before the detections' frame."""
    for masks in found:
        frame = int(masks.frame[0])
        before = propagated[frame].by_object() if frame in propagated else {}
        yield ObjectMasks.concatenate([masks, ObjectMasks.on_frame(video.info.size, frame, lost, before)])


def _as_prompts(masks: ObjectMasks) -> Prompts:
    frame = int(masks.frame[0]) if len(masks) else 0
    return Prompts.of_masks(masks.rles, object=masks.object.tolist(), frame=frame)


def _of_boxes(video: Video, frame: int, numbers: range | list[int], detections: Detections) -> Prompts:
    boxes = detections.boxes_xyxy.tolist()
    return Prompts.of_boxes(video.info.size, object=list(numbers), frame=frame, boxes_xyxy=boxes)
