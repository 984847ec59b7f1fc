"""torchvision works with any build of torch, as far as segment_anything needs it."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from overseg.torchvision_ops import import_torchvision, nms


def _boxes(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(n, 4, generator=generator) * 100
    corners[:, 2:] += corners[:, :2]
    return corners, torch.rand(n, generator=generator)


def _nms_by_definition(boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> list[int]:
    """Box by box: keep it unless a kept one overlaps it too much."""
    kept: list[int] = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        if all(_iou(boxes[row], boxes[other]) <= iou_threshold for other in kept):
            kept.append(row)
    return kept


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("iou_threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("n", [0, 1, 60])
def test_nms_follows_its_definition(n, iou_threshold):
    boxes, scores = _boxes(n, seed=n)
    expected = _nms_by_definition(boxes.double().numpy(), scores.numpy(), iou_threshold)
    assert nms(boxes, scores, iou_threshold).tolist() == expected


def test_nms_keeps_the_first_of_equal_boxes_and_boxes_without_area():
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 1, 1], [1, 1, 1, 1]])
    assert nms(boxes, torch.ones(4), 0.5).tolist() == [0, 2, 3]


def test_torchvisions_own_nms_runs_and_importing_again_does_nothing():
    import_torchvision()
    import_torchvision()
    from torchvision.ops.boxes import batched_nms

    boxes, scores = _boxes(50, seed=1)
    one_class = batched_nms(boxes, scores, torch.zeros(50), 0.5)
    assert one_class.tolist() == nms(boxes, scores, 0.5).tolist()
    assert len(batched_nms(boxes, scores, torch.arange(50), 0.5)) == 50


def test_segment_anything_and_sam2_import_in_a_fresh_process():
    code = (
        "from overseg.torchvision_ops import import_torchvision as go; go()\n"
        "import segment_anything, sam2.build_sam, torch, torchvision\n"
        "print(torchvision.ops.nms(torch.tensor([[0., 0, 1, 1]]), torch.ones(1), 0.5).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("[0]\n", 0), done.stderr
