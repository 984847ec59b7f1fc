"""torchvision with a build of torch that its compiled operators do not fit.

torchvision's wheel on the package index is linked against CUDA. With a CPU build of torch its operators do not load.
Then `import torchvision` fails, and so do segment_anything and sam2. The two need only one of these operators,
non-maximum suppression. It is defined here where it is missing.
"""

import sys

import torch

from overseg.suppression import box_iou, kept_rows, suppress

_NMS_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> None:
    """Import torchvision, with any build of torch. Call this before segment_anything or sam2 is imported."""
    if "torchvision" in sys.modules:
        return
    try:
        import torchvision
    except RuntimeError as e:
        if "torchvision::nms" not in str(e):
            raise
        _define_nms()
        import torchvision

        # Otherwise torchvision refuses to call any operator, because its compiled ones are missing.
        torchvision.extension._has_ops = lambda: True


def nms(boxes_xyxy: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression, as torchvision.ops.nms defines it.

    Args:
        boxes_xyxy: [n, 4] boxes (x1, y1, x2, y2).
        scores: [n] scores. Of two boxes that overlap, the one with the higher score is kept, or the first.
        iou_threshold: boxes with a higher IoU with a kept box are dropped.

    Returns:
        int64 [k] row numbers of the kept boxes, highest score first.
    """
    order = torch.argsort(scores, descending=True, stable=True).cpu().numpy()
    boxes = boxes_xyxy.detach().float().cpu().numpy()
    kept_as = suppress(order, lambda row: box_iou(boxes[row], boxes) > iou_threshold)
    return torch.from_numpy(kept_rows(order, kept_as)).to(boxes_xyxy.device)


def _define_nms() -> None:
    """Register the operators that torchvision's import expects, and implement the one that is called."""
    library = torch.library.Library("torchvision", "DEF")
    library.define(f"nms{_NMS_SCHEMA}")
    library.define(f"qnms{_NMS_SCHEMA}")
    library.impl("nms", nms, "CompositeExplicitAutograd")
    _REGISTERED.append(library)


_REGISTERED: list[torch.library.Library] = []  # an operator exists as long as its library object
