"""Pictures in a detector's rectangle, as ultralytics lays them there."""

import numpy as np
import pytest

from overseg.detect.letterbox import Letterbox


@pytest.mark.parametrize(
    ("size", "input_size", "scaled", "offset"),
    [
        ((480, 854), (640, 640), (360, 640), (140, 0)),
        ((1080, 1920), (384, 640), (360, 640), (12, 0)),
        ((853, 480), (640, 640), (640, 360), (0, 140)),
        ((333, 500), (640, 640), (426, 640), (107, 0)),
        ((100, 99), (640, 640), (640, 634), (0, 3)),
        ((101, 200), (64, 64), (32, 64), (16, 0)),
        ((49, 64), (64, 64), (49, 64), (7, 0)),  # 15 rows are left: 7 above, 8 below
    ],
)
def test_scale_and_place(size, input_size, scaled, offset):
    box = Letterbox(size, input_size)
    assert (box.scaled_size, box.offset_yx) == (scaled, offset)


def test_the_picture_lies_in_grey():
    rgb = np.full((30, 60, 3), (10, 20, 30), np.uint8)
    filled = Letterbox((30, 60), (64, 64)).fill(rgb)
    assert filled.shape == (64, 64, 3)
    assert (filled[16:48] == (10, 20, 30)).all()
    assert (filled[:16] == 114).all()
    assert (filled[48:] == 114).all()


def test_boxes_there_and_back_and_cut_at_the_sides():
    box = Letterbox((480, 854), (640, 640))
    given = np.array([[10, 20, 300, 400]], np.float32)
    assert np.allclose(box.in_picture(box.in_rectangle(given)), given, atol=1e-3)
    outside = np.array([[-50, -50, 900, 900]], np.float32)
    assert box.in_picture(outside).tolist() == [[0, 0, 854, 480]]
