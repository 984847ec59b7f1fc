"""Detecting objects in every sub-sequence, and identifying those that are followed already."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from overseg.associate.frame_by_frame import hungarian
from overseg.data.detections import Detections
from overseg.data.prompts import ObjectMasks
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.track_names import TrackName
from overseg.stages import Detector, Video

_SAME_IOU = 0.7  # two detections whose masks overlap this much are one object
_LEAST_IOU = 0.3  # a detected and a propagated mask that overlap this much may be one object


@dataclass(frozen=True)
class FrameDetections:
    """The detections of one frame that are confident enough.

    Attributes:
        frame: its index.
        detections: in order of confidence.
    """

    frame: int
    detections: Detections


class Redetection:
    """Runs a detector on one frame after the other, until a detection is confident enough.

    Attributes:
        detector: the detector.
        highest: the highest confidence so far, and its frame; None before the first detection.
    """

    def __init__(self, detector: Detector, *, confidence: float) -> None:
        """
        Args:
            detector: the detector.
            confidence: detections above this, in [0, 1], are used as prompts.
        """
        self.detector, self._confidence = detector, confidence
        self.highest: tuple[float, int] | None = None

    def first(self, video: Video, shot: Shot) -> FrameDetections | None:
        """The first frame of a shot with a confident detection; None if there is none."""
        for frame in range(shot.start, shot.stop + 1):
            found = self.detector.detect(video[frame])
            if len(found) and (self.highest is None or found.confidence[0] > self.highest[0]):
                self.highest = (float(found.confidence[0]), frame)
            has_area = (found.boxes_xyxy[:, :2] < found.boxes_xyxy[:, 2:]).all(axis=1)
            confident = found.take((found.confidence > self._confidence) & has_area)
            if len(confident):
                return FrameDetections(frame, confident)
        return None

    def as_facts(self, found: FrameDetections) -> dict[str, object]:
        """The detections, ready for JSON."""
        detections = found.detections
        return {
            "frame": found.frame,
            "objects": [
                {
                    "category": self.detector.categories[category],
                    "confidence": round(confidence, 4),
                    "points": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]],
                }
                for category, confidence, (x1, y1, x2, y2) in zip(
                    detections.category.tolist(),
                    detections.confidence.tolist(),
                    detections.boxes_xyxy.astype(np.float64).round(1).tolist(),
                    strict=True,
                )
            ],
        }


def distinct(seen: Rles) -> Int64[np.ndarray, " k"]:
    """Row numbers of the masks that do not repeat an earlier mask."""
    same = seen.iou(seen) >= _SAME_IOU
    kept: list[int] = []
    for row in range(len(seen)):
        if not same[row, kept].any():
            kept.append(row)
    return np.array(kept, np.int64)


def identified(
    seen: ObjectMasks, categories: Sequence[str], propagated: ObjectMasks | None, names: Sequence[TrackName]
) -> tuple[list[int], list[TrackName]]:
    """The number of each detected object, and the names of all objects, including the new ones.

    A detection that overlaps a propagated mask is that object; the assignment with the largest sum of overlaps counts.
    Each other detection is a lost object of its category, if there is one, or else a new object.

    Args:
        seen: masks of the detections, the most confident first.
        categories: of the detections.
        propagated: masks of known objects on the same frame, including empty ones; None for none.
        names: of the objects known so far, by number.
    """
    numbers = _by_overlap(seen, propagated)
    visible = set() if propagated is None else set(propagated.object[propagated.rles.area_px() > 0].tolist())
    lost = [number for number in range(len(names)) if number not in visible]
    named = list(names)
    result = []
    for row, category in enumerate(categories):
        if row not in numbers:
            number = next((number for number in lost if named[number].category == category), None)
            if number is None:
                number = len(named)
                named.append(TrackName(_free_name(category, named), category))
            else:
                lost.remove(number)
            numbers[row] = number
        result.append(numbers[row])
    return result, named


def _by_overlap(seen: ObjectMasks, propagated: ObjectMasks | None) -> dict[int, int]:
    """By row of `seen`, the number of the propagated object that it overlaps."""
    if propagated is None or not len(propagated):
        return {}
    rows, columns = hungarian(seen.rles.iou(propagated.rles), _LEAST_IOU)
    return dict(zip(rows.tolist(), propagated.object[columns].tolist(), strict=True))


def _free_name(category: str, names: Sequence[TrackName]) -> str:
    """The category; with a number after it if the name is taken."""
    taken = {one.name for one in names}
    number = 1
    name = category
    while name in taken:
        number += 1
        name = f"{category} {number}"
    return name
