"""Painting masks into a label map, and splitting a map into masks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overseg.data.label_map import paint, split
from overseg.data.rles import Rles

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(labels=SHAPES.flatmap(lambda shape: arrays(np.int32, shape, elements=st.integers(-1, 4))))
def test_splitting_a_map_equals_comparing_it_with_each_label(labels):
    assert split(labels, 5) == Rles.from_masks(labels[None] == np.arange(5)[:, None, None])


@given(
    masks=SHAPES.flatmap(lambda shape: arrays(bool, (4, *shape))),
    order=st.permutations(range(4)),
)
def test_the_last_mask_painted_shows(masks, order):
    expected = np.full(masks.shape[1:], -1)
    for row in order:
        expected[masks[row]] = row
    assert np.array_equal(paint(Rles.from_masks(masks), np.array(order)), expected)


def test_nothing():
    nothing = paint(Rles.empty((4, 6)), np.zeros(0, np.int64))
    assert nothing.shape == (4, 6) and (nothing == -1).all()
    assert split(nothing, 0) == Rles.empty((4, 6))
