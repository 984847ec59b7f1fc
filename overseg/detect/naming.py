"""Names tracks by how their masks agree with what a detector finds on several frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64

from overseg.associate.frame_by_frame import hungarian
from overseg.data.detections import Detections
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.stages import Detector, MasksByFrame, Report, Video

_LEAST_IOU = 0.3  # a mask's box and a detected box that overlap this much may be one object


@dataclass(frozen=True)
class NamedTrack:
    """A track, and the kind of object that it is.

    Attributes:
        track: its number.
        category: one of the detector's.
        score: mean over the frames that were looked at and show the track, in [0, 1]: of the confidence of the
            detection that agrees with its mask, times the IoU of the two boxes; 0 on frames without one.
        n_agreed, n_frames: frames with such a detection, and frames that show the track, of those looked at.
    """

    track: int
    category: str
    score: float
    n_agreed: int
    n_frames: int


class TracksByFrame(MasksByFrame, Protocol):
    """A result whose frames are counted."""

    def __len__(self) -> int: ...


def named_tracks(
    result: TracksByFrame,
    video: Video,
    detector: Detector,
    *,
    n_frames: int,
    min_score: float,
    report: Report,
) -> list[NamedTrack]:
    """The tracks that agree with what is found on frames all through the video, by number.

    On each frame a detection is of one track at most, that whose box it overlaps best.

    Args:
        result: the tracks.
        video: the frames that they are on.
        detector: finds objects of its categories.
        n_frames: how many frames to look at.
        min_score: least score of a track that is named.
        report: receives the number of frames that were looked at.
    """
    frames = np.unique(np.linspace(0, len(result) - 1, n_frames).round().astype(int)).tolist() if len(result) else []
    agreed: dict[tuple[int, int], list[float]] = {}
    n_seen: dict[int, int] = {}
    for n_done, frame in enumerate(frames, start=1):
        masks = result.masks_at(frame)
        for track in set(masks.track.tolist()):
            n_seen[track] = n_seen.get(track, 0) + 1
        for key, agreement in _agreements(masks, detector.detect(video[frame])):
            agreed.setdefault(key, []).append(agreement)
        report.progress("looking for them", n_done, len(frames))
    best: dict[int, NamedTrack] = {}
    for (track, category), found in agreed.items():
        score = sum(found) / n_seen[track]
        one = NamedTrack(track, detector.categories[category], score, len(found), n_seen[track])
        if score >= min_score and (track not in best or score > best[track].score):
            best[track] = one
    return [best[track] for track in sorted(best)]


def _agreements(masks: TrackMasks, found: Detections) -> Iterator[tuple[tuple[int, int], float]]:
    """For each detection that agrees with a track: track and category, and how much they agree."""
    for category in np.unique(found.category).tolist():
        of_kind = found.take(found.category == category)
        iou = _box_iou(_boxes(masks.rles), of_kind.boxes_xyxy.astype(np.float64))
        for row, column in zip(*hungarian(iou, _LEAST_IOU), strict=True):
            yield (int(masks.track[row]), category), float(of_kind.confidence[column] * iou[row, column])


def _boxes(rles: Rles) -> Float64[np.ndarray, "n 4"]:
    boxes = np.asarray(rles.boxes_xywh(), np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _box_iou(boxes: Float64[np.ndarray, "n 4"], others: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, "n m"]:
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clip(0).prod(axis=2)
    areas = [(some[:, 2:] - some[:, :2]).prod(axis=1) for some in (boxes, others)]
    return common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9)
