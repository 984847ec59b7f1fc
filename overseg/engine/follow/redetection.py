"""Looking for objects again in every sub-sequence, and telling which are those that are followed already."""

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

_SAME_IOU = 0.7  # of masks of two detections, to be one object that was detected twice
_LEAST_IOU = 0.3  # of a mask that is seen and one that was propagated there, to be the same object


@dataclass(frozen=True)
class Found:
    """The first frame of a stretch on which something is sure enough, and what.

    Attributes:
        frame: its number.
        detections: all that is sure enough there.
    """

    frame: int
    detections: Detections


class Redetection:
    """A detector, asked frame by frame until it is sure.

    Attributes:
        detector: what is asked.
        surest: the highest confidence that was told, and on which frame; None before any.
    """

    def __init__(self, detector: Detector, *, confidence: float) -> None:
        """
        Args:
            detector: what is asked.
            confidence: a detection that is not surer than this prompts nothing.
        """
        self.detector, self._confidence = detector, confidence
        self.surest: tuple[float, int] | None = None

    def first(self, video: Video, shot: Shot) -> Found | None:
        """The first frame of a shot with a sure detection; None where there is none."""
        for frame in range(shot.start, shot.stop + 1):
            found = self.detector.detect(video[frame])
            if len(found) and (self.surest is None or found.confidence[0] > self.surest[0]):
                self.surest = (float(found.confidence[0]), frame)
            has_area = (found.boxes_xyxy[:, :2] < found.boxes_xyxy[:, 2:]).all(axis=1)
            sure = found.take((found.confidence > self._confidence) & has_area)
            if len(sure):
                return Found(frame, sure)
        return None

    def as_facts(self, found: Found) -> dict[str, object]:
        """What was found, ready for JSON."""
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
    """The rows of masks that are not one that stands before them once more."""
    same = seen.iou(seen) >= _SAME_IOU
    kept: list[int] = []
    for row in range(len(seen)):
        if not same[row, kept].any():
            kept.append(row)
    return np.array(kept, np.int64)


def identified(
    seen: ObjectMasks, categories: Sequence[str], propagated: ObjectMasks | None, names: Sequence[TrackName]
) -> tuple[list[int], list[TrackName]]:
    """The number of each object that is seen, and the names of all objects, with those that are new.

    Those that overlap with a propagated mask are that object, in the assignment with the largest overlap in all. Of the
    others, each is an object of its category that was lost, where there is one, and else a new one.

    Args:
        seen: masks of what was detected, the surest first.
        categories: of each.
        propagated: masks of known objects on the same frame, empty ones too; None for none.
        names: of the objects known so far, by number.
    """
    numbers = _by_overlap(seen, propagated)
    there = set() if propagated is None else set(propagated.object[propagated.rles.area_px() > 0].tolist())
    lost = [number for number in range(len(names)) if number not in there]
    named = list(names)
    result = []
    for row, category in enumerate(categories):
        if row not in numbers:
            again = next((number for number in lost if named[number].category == category), None)
            if again is None:
                again = len(named)
                named.append(TrackName(_free_name(category, named), category))
            else:
                lost.remove(again)
            numbers[row] = again
        result.append(numbers[row])
    return result, named


def _by_overlap(seen: ObjectMasks, propagated: ObjectMasks | None) -> dict[int, int]:
    """The numbers of the propagated objects that are seen, by row of `seen`."""
    if propagated is None or not len(propagated):
        return {}
    rows, columns = hungarian(seen.rles.iou(propagated.rles), _LEAST_IOU)
    return dict(zip(rows.tolist(), propagated.object[columns].tolist(), strict=True))


def _free_name(category: str, names: Sequence[TrackName]) -> str:
    """The category, or with a number after it where others are called so."""
    taken = {one.name for one in names}
    number = 1
    name = category
    while name in taken:
        number += 1
        name = f"{category} {number}"
    return name
