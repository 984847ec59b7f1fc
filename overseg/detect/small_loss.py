"""The training loss of the small detector."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from overseg.detect.small_net import STRIDES_PX, cell_centres

_REACH = 1.5  # cells: an object is assigned to cells this close to its centre (FCOS's "center sampling")
_LARGEST_PX = (64.0, 192.0, float("inf"))  # longest side of the objects that each pyramid level detects
_BOX_WEIGHT = 2.0
_POOR_IOU, _GOOD_IOU = 0.4, 0.8  # of a box with the truth: the target confidence rises from 0 to 1 between them


def loss(
    logits: Float[Tensor, "b a c"],
    boxes: Float[Tensor, "b a 4"],
    truth: list[tuple[Tensor, Tensor]],
    input_size: tuple[int, int],
) -> Float[Tensor, ""]:
    """Cross-entropy of categories and generalized IoU of boxes (Rezatofighi et al., CVPR 2019), per assigned cell.

    Args:
        logits, boxes: the net's output; boxes (x1, y1, x2, y2) in pixels of its input.
        truth: for each picture the categories [n] of its objects, and their boxes [n, 4].
        input_size: (height, width) of the net's input.
    """
    wanted = torch.zeros_like(logits)
    off = logits.new_zeros(())
    n_cells = 0
    for row, (category, true_boxes) in enumerate(truth):
        finds, which = assign_cells(true_boxes, input_size)
        if not finds.any():
            continue
        iou, generalized = _ious(boxes[row, finds], true_boxes[which[finds]])
        wanted[row, finds, category[which[finds]]] = ((iou.detach() - _POOR_IOU) / (_GOOD_IOU - _POOR_IOU)).clamp(0, 1)
        off = off + (1 - generalized).sum()
        n_cells += int(finds.sum())
    cross_entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
    return (cross_entropy + _BOX_WEIGHT * off) / max(1, n_cells)


def assign_cells(
    truth: Float[Tensor, "n 4"], input_size: tuple[int, int]
) -> tuple[Bool[Tensor, " a"], Int[Tensor, " a"]]:
    """Which cells have an object assigned, and the number of that object; the smallest if there are several."""
    finds, which = [], []
    area = (truth[:, 2] - truth[:, 0]) * (truth[:, 3] - truth[:, 1])
    longer = (truth[:, 2:] - truth[:, :2]).amax(dim=1) if len(truth) else truth.new_zeros(0)
    smallest = 0.0
    for stride, largest in zip(STRIDES_PX, _LARGEST_PX, strict=True):
        rows, columns = (-(-side // stride) for side in input_size)
        centre = cell_centres(rows, columns, stride).to(truth)
        offset = (centre[:, None] - (truth[:, :2] + truth[:, 2:]) / 2).abs().amax(dim=2)
        inside = ((centre[:, None] > truth[:, :2]) & (centre[:, None] < truth[:, 2:])).all(dim=2)
        near = (inside & (offset < _REACH * stride)) | (offset < stride / 2)
        near &= (longer >= smallest) & (longer < largest)
        cost = torch.where(near, area, torch.inf)
        finds.append(near.any(dim=1))
        which.append(cost.argmin(dim=1) if len(truth) else torch.zeros(len(centre), dtype=torch.long))
        smallest = largest
    return torch.cat(finds), torch.cat(which)


def _ious(a: Float[Tensor, "n 4"], b: Float[Tensor, "n 4"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """IoU of pairs of boxes, and their generalized IoU."""
    both = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).prod(dim=1) for box in (a, b))
    around = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1).clamp(min=1e-6)
    either = (area_a + area_b - both).clamp(min=1e-6)
    return both / either, both / either - (around - either) / around
