"""Small holes and sprinkles of masks are found on every device."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from overseg.propagate.sam2.logit_cleanup import LogitCleanup, small_components, small_components_by_pooling

stacks = hnp.arrays(bool, st.tuples(st.integers(1, 3), st.just(1), st.integers(1, 14), st.integers(1, 14)))
PICTURE = """
    ..............
    ..########....
    ..#.##..##..#.
    ..####..##....
    ..####..##....
    ..########....
    ..............
"""


def mask(picture: str) -> torch.Tensor:
    rows = picture.split()
    return torch.tensor([[cell == "#" for cell in row] for row in rows])[None, None]


@pytest.mark.parametrize("find", [small_components, small_components_by_pooling])
@settings(deadline=None)
@given(masks=stacks, max_area_px=st.integers(1, 12))
def test_regions_are_those_of_scipy(find: Callable, masks: np.ndarray, max_area_px: int) -> None:
    labels = [scipy.ndimage.label(one, np.ones((3, 3)))[0] for one in masks[:, 0]]
    expected = [
        one & (np.bincount(label.ravel())[label] <= max_area_px) for one, label in zip(masks[:, 0], labels, strict=True)
    ]
    assert (find(torch.from_numpy(masks), max_area_px)[:, 0].numpy() == np.stack(expected)).all()


@pytest.mark.parametrize("find", [small_components, small_components_by_pooling])
def test_a_long_thin_region_is_large(find: Callable) -> None:
    snake = torch.zeros(1, 1, 40, 40, dtype=torch.bool)
    snake[..., ::4, 1:39] = True
    snake[..., 1:4, 38] = snake[..., 5:8, 1] = True
    assert not find(snake, 30).any()


def test_holes_are_filled_and_sprinkles_removed_up_to_their_area() -> None:
    logits = torch.where(mask(PICTURE), 5.0, -5.0)

    def areas(hole: int, sprinkle: int) -> int:
        return int((LogitCleanup(hole, sprinkle).apply(logits) > 0).sum())

    n = int((logits > 0).sum())
    assert [areas(0, 0), areas(1, 0), areas(5, 0), areas(6, 0)] == [n, n + 1, n + 1, n + 7]
    assert [areas(0, 1), areas(6, 1)] == [n - 1, n + 6]
    assert areas(99, 0) == logits.numel()


def test_the_logits_of_larger_regions_do_not_change() -> None:
    logits = torch.where(mask(PICTURE), 5.0, -5.0)
    cleaned = LogitCleanup(6, 1).apply(logits)
    changed = cleaned != logits
    assert sorted(set(cleaned[changed].tolist())) == [-10.0, pytest.approx(0.1)]
    assert int(changed.sum()) == 8
