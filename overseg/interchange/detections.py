"""The masks of a frame as the tables of other Python packages."""

from typing import TYPE_CHECKING

import numpy as np

from overseg.data.masks import TrackMasks
from overseg.errors import SettingsError

if TYPE_CHECKING:
    import supervision
    import torch


def to_supervision(masks: TrackMasks) -> "supervision.Detections":
    """The masks of a frame as `supervision.Detections`, for its annotators and trackers.

    Example:
        >>> detections = to_supervision(result.masks_at(40))  # doctest: +SKIP
        >>> sv.MaskAnnotator().annotate(picture, detections)  # doctest: +SKIP

    Args:
        masks: of one frame.

    Returns:
        `xyxy` with x2 and y2 one beyond the last pixel, `mask`, `confidence` (the score), `tracker_id` (the track),
        `class_id` 0, and in `data` the columns `sam_output`, `source` and `region`.

    Raises:
        SettingsError: supervision is not installed.
    """
    try:
        import supervision
    except ModuleNotFoundError as e:
        raise SettingsError("supervision is not installed: pip install 'overseg[supervision]'") from e
    return supervision.Detections(
        xyxy=_boxes_xyxy(masks).astype(np.float32),
        mask=masks.rles.to_masks(),
        confidence=masks.score,
        class_id=np.zeros(len(masks), int),
        tracker_id=masks.track.astype(int),
        data={"sam_output": masks.sam_output, "source": masks.source, "region": masks.region},
    )


def to_torch(masks: TrackMasks, *, device: str = "cpu") -> "dict[str, torch.Tensor]":
    """The masks of a frame in the form of torchvision's detection models, with tracks.

    Args:
        masks: of one frame.
        device: of the tensors.

    Returns:
        `masks` bool [n, height, width], `boxes` float32 [n, 4] as x1, y1, x2, y2, `scores` float32 [n], `labels` int64
        [n] (1), `tracks` int64 [n].
    """
    import torch

    return {
        "masks": torch.from_numpy(masks.rles.to_masks()).to(device),
        "boxes": torch.from_numpy(_boxes_xyxy(masks)).to(device, torch.float32),
        "scores": torch.from_numpy(masks.score.copy()).to(device),
        "labels": torch.ones(len(masks), dtype=torch.int64, device=device),
        "tracks": torch.from_numpy(masks.track.astype(np.int64)).to(device),
    }


def _boxes_xyxy(masks: TrackMasks) -> np.ndarray:
    boxes = masks.rles.boxes_xywh()
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
