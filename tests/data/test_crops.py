"""Crops equal the cut-out of the whole decoded mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overseg.data.crops import crops, run_lengths
from overseg.data.rles import Rles


def pasted(rles: Rles, margin_px: int) -> np.ndarray:
    """All masks [n, h, w] put together from their crops."""
    masks = np.zeros((len(rles), *rles.size[::-1]), bool)
    for mask, (box, inside) in zip(masks, crops(rles, margin_px=margin_px), strict=True):
        mask[box] = inside
    return masks.transpose(0, 2, 1)


@given(
    masks=st.tuples(st.integers(0, 4), st.integers(1, 9), st.integers(1, 9)).flatmap(lambda shape: arrays(bool, shape)),
    margin_px=st.integers(0, 3),
)
def test_any_masks(masks, margin_px):
    assert np.array_equal(pasted(Rles.from_masks(masks), margin_px), masks)


def test_long_runs_and_noise():
    rng = np.random.default_rng(0)
    masks = rng.random((6, 300, 400)) < np.array([0, 1e-5, 1e-3, 0.5, 0.999, 1])[:, None, None]
    assert np.array_equal(pasted(Rles.from_masks(masks), 1), masks)


def test_a_crop_is_no_larger_than_its_mask():
    mask = np.zeros((1, 40, 60), bool)
    mask[0, 10:15, 20:50] = True
    rles = Rles.from_masks(mask)
    assert [box for box, _ in crops(rles)] == [(slice(20, 50), slice(10, 15))]
    assert [box for box, _ in crops(rles, margin_px=2)] == [(slice(18, 52), slice(8, 17))]
    assert [box for box, _ in crops(rles, margin_px=100)] == [(slice(0, 60), slice(0, 40))]


@pytest.mark.parametrize("runs", [[24], [0, 24], [1, 2, 3, 18], [0, 1, 1, 20, 1, 1]])
def test_run_lengths(runs):
    mask = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(6, 4).T
    assert run_lengths(Rles.from_masks(mask[None]).counts[0]).tolist() == runs
