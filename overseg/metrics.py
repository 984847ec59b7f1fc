"""How well tracks follow an object whose masks are known."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from overseg.data.rles import Rles
from overseg.store.result import Result


@dataclass(frozen=True)
class BestTrack:
    """The single track that follows an object best.

    Attributes:
        track: its id; -1 where the result has no track.
        mean_iou: mean over the annotated frames of its IoU with the object (J of DAVIS: Perazzi et al., CVPR 2016);
            a frame on which the track has no mask counts 0, or 1 where the object has none either.
        n_frames: number of annotated frames.
    """

    track: int
    mean_iou: float
    n_frames: int


def best_track(result: Result, truth: Mapping[int, Bool[np.ndarray, "h w"]]) -> BestTrack:
    """Find the track that follows an object best.

    Args:
        result: of a run.
        truth: the object's mask on every annotated frame, by frame number; empty where it is not seen.
    """
    iou = np.zeros((len(result.tracks), len(truth)))
    for column, (frame, mask) in enumerate(truth.items()):
        masks = result.masks_at(frame)
        if mask.any():
            iou[masks.track, column] = masks.rles.iou(Rles.from_masks(mask[None]))[:, 0]
        else:
            iou[:, column] = 1.0
            iou[masks.track, column] = 0.0
    if not iou.size:
        return BestTrack(-1, 0.0, len(truth))
    mean_iou = iou.mean(axis=1)
    return BestTrack(int(mean_iou.argmax()), float(mean_iou.max()), len(truth))
