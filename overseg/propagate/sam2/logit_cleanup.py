"""Small holes and sprinkles of mask logits, found on the device that holds the logits."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn.functional import max_pool2d

# sam2 1.1.0's values: its video predictor's in holes (`fill_holes_in_mask_scores`); its image predictor's on sprinkles
# (`SAM2Transforms.postprocess_masks`), as the video predictor has no such step.
_HOLE_LOGIT = 0.1
_SPRINKLE_LOGIT = -10.0


@dataclass(frozen=True)
class LogitCleanup:
    """Fills small holes of masks, and then removes small sprinkles.

    Regions are 8-connected. Areas are in pixels of the mask logits, which have a quarter of the model's resolution.

    Attributes:
        max_hole_area_px: background regions up to this area are filled; 0 fills none.
        max_sprinkle_area_px: foreground regions up to this area are removed; 0 removes none.
    """

    max_hole_area_px: int
    max_sprinkle_area_px: int

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits [n, 1, h, w], positive inside a mask, with new values in these regions."""
        if self.max_hole_area_px:
            logits = logits.masked_fill(small_components(logits <= 0, self.max_hole_area_px), _HOLE_LOGIT)
        if self.max_sprinkle_area_px:
            logits = logits.masked_fill(small_components(logits > 0, self.max_sprinkle_area_px), _SPRINKLE_LOGIT)
        return logits


def small_components(masks: torch.Tensor, max_area_px: int) -> torch.Tensor:
    """The pixels of the 8-connected regions of boolean masks [n, 1, h, w] that have at most `max_area_px` pixels."""
    return (_small_components_on_cpu if masks.device.type == "cpu" else small_components_by_pooling)(masks, max_area_px)


def _small_components_on_cpu(masks: torch.Tensor, max_area_px: int) -> torch.Tensor:
    small = np.zeros(masks.shape, dtype=bool)
    for mask, found in zip(masks[:, 0].numpy(), small[:, 0], strict=True):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        np.logical_and(mask, (stats[:, cv2.CC_STAT_AREA] <= max_area_px)[labels], out=found)
    return torch.from_numpy(small)


def small_components_by_pooling(masks: torch.Tensor, max_area_px: int) -> torch.Tensor:
    """`small_components` by tensor operations only, so that nothing leaves the device.

    Each step spreads the largest pixel number of a region by one pixel. After `max_area_px` steps all pixels of a
    region of that area have one number. The pixels of a larger region have several numbers, or are counted correctly.
    """
    n, _, height, width = masks.shape
    numbers = torch.arange(1, height * width + 1, device=masks.device, dtype=torch.float32).view(height, width)
    inside = masks.float()
    labels = numbers * inside
    for _ in range(max_area_px):
        labels = max_pool2d(labels, 3, stride=1, padding=1) * inside
    greatest = max_pool2d(labels, 3, stride=1, padding=1)
    least = -max_pool2d((-labels).masked_fill(~masks, -torch.inf), 3, stride=1, padding=1)
    is_border = masks & ((greatest != labels) | (least != labels))
    # A pixel counts as one. A pixel beside another number counts as more than any small region has.
    weights = inside + is_border * float(max_area_px)
    at = labels.flatten(1).long()
    areas_px = torch.zeros(n, height * width + 1, device=masks.device).scatter_add_(1, at, weights.flatten(1))
    return masks & (areas_px.gather(1, at).view_as(masks) <= max_area_px)
