"""Small holes and sprinkles of masks, found on the device that the masks are on."""

import cv2
import numpy as np
import torch
from torch.nn.functional import max_pool2d

_FILLED_LOGIT = 0.1
_REMOVED_LOGIT = -10.0


def without_small_regions(logits: torch.Tensor, *, max_hole_area_px: int, max_sprinkle_area_px: int) -> torch.Tensor:
    """Mask logits with their small holes filled and their small islands removed, in this order.

    The values put there are those of sam2 1.1.0: of its video predictor in holes (`fill_holes_in_mask_scores`), of its
    image predictor, as the other has no such step, on islands (`SAM2Transforms.postprocess_masks`).

    Args:
        logits: [n, 1, h, w], positive inside a mask.
        max_hole_area_px: background that is connected over edges or corners and no larger is a hole; 0 fills none.
        max_sprinkle_area_px: foreground that is connected so and no larger is a sprinkle; 0 removes none.
    """
    if max_hole_area_px:
        logits = logits.masked_fill(small_regions(logits <= 0, max_hole_area_px), _FILLED_LOGIT)
    if max_sprinkle_area_px:
        logits = logits.masked_fill(small_regions(logits > 0, max_sprinkle_area_px), _REMOVED_LOGIT)
    return logits


def small_regions(masks: torch.Tensor, max_area_px: int) -> torch.Tensor:
    """The pixels of those 8-connected regions of boolean masks [n, 1, h, w] that have at most `max_area_px` pixels."""
    return (_found_on_host if masks.device.type == "cpu" else found_by_spreading)(masks, max_area_px)


def _found_on_host(masks: torch.Tensor, max_area_px: int) -> torch.Tensor:
    small = np.zeros(masks.shape, dtype=bool)
    for mask, found in zip(masks[:, 0].numpy(), small[:, 0], strict=True):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        np.logical_and(mask, (stats[:, cv2.CC_STAT_AREA] <= max_area_px)[labels], out=found)
    return torch.from_numpy(small)


def found_by_spreading(masks: torch.Tensor, max_area_px: int) -> torch.Tensor:
    """`small_regions` of plain tensor operations: nothing has to leave the device.

    The largest pixel number of a region spreads by one pixel a step, so a region of that size is of one number after
    as many steps. A larger one is not, or is counted as what it is.
    """
    n, _, height, width = masks.shape
    numbers = torch.arange(1, height * width + 1, device=masks.device, dtype=torch.float32).view(height, width)
    inside = masks.float()
    labels = numbers * inside
    for _ in range(max_area_px):
        labels = max_pool2d(labels, 3, stride=1, padding=1) * inside
    greatest = max_pool2d(labels, 3, stride=1, padding=1)
    least = -max_pool2d((-labels).masked_fill(~masks, -torch.inf), 3, stride=1, padding=1)
    unsettled = masks & ((greatest != labels) | (least != labels))
    # A pixel counts one, and one beside another number too many for any small region.
    weights = inside + unsettled * float(max_area_px)
    at = labels.flatten(1).long()
    areas_px = torch.zeros(n, height * width + 1, device=masks.device).scatter_add_(1, at, weights.flatten(1))
    return masks & (areas_px.gather(1, at).view_as(masks) <= max_area_px)
