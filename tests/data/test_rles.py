"""Masks as run-length encodings."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from overseg.data.rles import Rles

stacks = hnp.arrays(bool, st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 9)))


@given(stacks)
def test_masks_survive_the_encoding(masks):
    assert (Rles.from_masks(masks).to_masks() == masks).all()


@given(stacks)
def test_areas_unions_and_overlaps_are_those_of_the_pixels(masks):
    rles = Rles.from_masks(masks)
    flat = masks.reshape(len(masks), masks.shape[1] * masks.shape[2]).astype(int)
    shared, area = flat @ flat.T, flat.sum(axis=1)
    assert rles.area_px().tolist() == area.tolist()
    assert (rles.union().to_masks()[0] == masks.any(axis=0)).all()
    filled = area > 0
    iou = shared / np.maximum(1, area[:, None] + area[None, :] - shared)
    assert np.allclose(rles.iou(rles)[np.ix_(filled, filled)], iou[np.ix_(filled, filled)])
    inside = shared / np.maximum(1, area[:, None])
    assert np.allclose(rles.share_inside(rles)[np.ix_(filled, filled)], inside[np.ix_(filled, filled)])


def test_the_area_of_many_masks_at_once_is_right():
    masks = np.random.default_rng(0).random((700, 3, 4)) < 0.5
    assert Rles.from_masks(masks).area_px().tolist() == masks.sum(axis=(1, 2)).tolist()


def test_boxes_are_left_top_width_height():
    mask = np.zeros((1, 6, 9), dtype=bool)
    mask[0, 2:5, 3:7] = True
    assert Rles.from_masks(mask).boxes_xywh().tolist() == [[3, 2, 4, 3]]


def test_taking_keeps_the_order_asked_for():
    masks = np.eye(9, dtype=bool).reshape(9, 3, 3)
    assert (Rles.from_masks(masks).take([8, 0]).to_masks() == masks[[8, 0]]).all()
