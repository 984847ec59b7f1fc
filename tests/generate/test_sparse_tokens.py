"""SAM's tokens of points and boxes are those of segment_anything in float32, whatever the precision."""

import pytest
import torch

from overseg.generate.sparse_tokens import positions, sparse_tokens
from overseg.generate.upstream import import_part

POINTS = torch.tensor([[[100.5, 20], [1000, 3]], [[0, 0], [511.9, 1023]]]), torch.tensor([[1, 0], [0, 1]])
BOXES_XYXY = torch.tensor([[3.0, 4, 700, 900], [0, 0, 1024, 1024]])


@pytest.fixture(scope="module")
def encoder() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return import_part("modeling").PromptEncoder(256, (64, 64), (1024, 1024), 16).eval()


@pytest.mark.parametrize(("points", "boxes"), [(POINTS, None), (None, BOXES_XYXY), (POINTS, BOXES_XYXY)])
@pytest.mark.parametrize("is_mixed", [False, True])
def test_tokens_are_upstreams(encoder: torch.nn.Module, points: tuple, boxes: torch.Tensor, is_mixed: bool) -> None:
    with torch.inference_mode():
        expected, _ = encoder(points=points, boxes=boxes, masks=None)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            found, places = sparse_tokens(encoder, points, boxes), positions(encoder)
        assert torch.equal(found, expected)
        assert torch.equal(places, encoder.get_dense_pe())
