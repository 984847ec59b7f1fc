"""torchvision beside a torch that its compiled operators were not built for.

The wheel of torchvision that the package index propagates is linked against CUDA. Beside a CPU build of torch its
operators do not load, and then `import torchvision` itself fails, and with it segment_anything and sam2. Of those
operators the two need only non-maximum suppression, which is defined here where it is missing.
"""

import sys

import numpy as np
import torch

_NMS_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> None:
    """Import torchvision so that it works, whatever build it is. Call before importing segment_anything or sam2."""
    if "torchvision" in sys.modules:
        return
    try:
        import torchvision
    except RuntimeError as e:
        if "torchvision::nms" not in str(e):
            raise
        _define_nms()
        import torchvision

        # Without this, torchvision refuses to call any operator because its compiled ones are not there.
        torchvision.extension._has_ops = lambda: True


def nms(boxes_xyxy: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression, as torchvision.ops.nms defines it.

    Args:
        boxes_xyxy: [n, 4] boxes (x1, y1, x2, y2).
        scores: [n] scores; of two boxes that overlap the one with the higher score stays, of equal ones the first.
        iou_threshold: boxes that overlap a kept one by more than this are dropped.

    Returns:
        int64 [k] row numbers of the kept boxes, highest score first.
    """
    order = torch.argsort(scores, descending=True, stable=True).cpu().numpy()
    kept = _greedy(boxes_xyxy.detach().float().cpu().numpy()[order], iou_threshold)
    return torch.from_numpy(order[kept]).to(boxes_xyxy.device)


def _greedy(boxes: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Row numbers of the boxes that no earlier kept one overlaps by more than the threshold."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = np.ones(len(boxes), dtype=bool)
    for row in range(len(boxes)):
        if not alive[row]:
            continue
        later = row + 1 + np.flatnonzero(alive[row + 1 :])
        sides = np.minimum(boxes[row, 2:], boxes[later, 2:]) - np.maximum(boxes[row, :2], boxes[later, :2])
        overlap = sides.clip(min=0).prod(axis=1)
        union = area[row] + area[later] - overlap
        alive[later[overlap > iou_threshold * union]] = False  # no division: boxes without area have no union
    return np.flatnonzero(alive)


def _define_nms() -> None:
    """Register the operators that torchvision's import looks for, and an implementation of the one that is called."""
    library = torch.library.Library("torchvision", "DEF")
    library.define(f"nms{_NMS_SCHEMA}")
    library.define(f"qnms{_NMS_SCHEMA}")
    library.impl("nms", nms, "CompositeExplicitAutograd")
    _REGISTERED.append(library)


_REGISTERED: list[torch.library.Library] = []  # an operator lives as long as its library object
