"""Tracking by detection: which masks continue a track, and for how long."""

import numpy as np
import pytest

from overseg.associate.frame_by_frame import METHODS, FrameByFrame
from overseg.data.rles import Rles
from overseg.errors import SettingsError

SIZE = (20, 40)


def bars(*spans: tuple[int, int]) -> Rles:
    """A mask for each span of columns."""
    masks = np.zeros((len(spans), *SIZE), bool)
    for row, (left, right) in enumerate(spans):
        masks[row, :, left:right] = True
    return Rles.from_masks(masks)


@pytest.mark.parametrize("method", METHODS)
def test_overlapping_masks_continue_a_track_in_any_order(method):
    tracks = FrameByFrame(method=method)
    assert tracks.follow(0, bars((0, 10), (20, 30))).tolist() == [0, 1]
    assert tracks.follow(1, bars((21, 31), (1, 11), (35, 40))).tolist() == [1, 0, 2]
    assert tracks.n_tracks == 3


@pytest.mark.parametrize("method", METHODS)
def test_two_masks_are_never_one_track_on_a_frame(method):
    tracks = FrameByFrame(method=method)
    tracks.follow(0, bars((0, 10)))
    assert tracks.follow(1, bars((0, 9), (1, 10))).tolist() == [0, 1]


def test_nearby_masks_continue_a_track_without_an_overlap():
    tracks = FrameByFrame(method="centroid", max_distance_px=12)
    assert tracks.follow(0, bars((0, 4), (16, 20))).tolist() == [0, 1]
    assert tracks.follow(1, bars((8, 12), (20, 24))).tolist() == [0, 1], "the nearer pair comes first"
    assert tracks.follow(2, bars((32, 36), (11, 15))).tolist() == [1, 0], "12 px: as far as may be"
    assert tracks.follow(3, bars((0, 1))).tolist() == [2], "12.5 px from the nearest"


def test_the_strongest_pair_comes_first_and_hungarian_sums_up():
    """Overlaps of the last frame's two with this frame's two: 10/14 and 8/16; 9/13 and 0."""
    before, now = bars((2, 14), (11, 20)), bars((4, 16), (0, 10))
    iou = before.iou(now)
    assert iou[0, 0] == iou.max() and iou[0, 1] > 0.3 and iou[1, 0] > 0.3 and iou[1, 1] == 0
    assert iou[0, 1] + iou[1, 0] > iou[0, 0]
    greedy, hungarian = (FrameByFrame(method=method, min_iou=0.2) for method in ("iou", "hungarian"))
    for tracks in (greedy, hungarian):
        tracks.follow(0, before)
    assert greedy.follow(1, now).tolist() == [0, 2]
    assert hungarian.follow(1, now).tolist() == [1, 0]


@pytest.mark.parametrize("method", ["iou", "hungarian"])
def test_least_overlap(method):
    for min_iou, joined in ((0.33, True), (0.34, False)):
        tracks = FrameByFrame(method=method, min_iou=min_iou)
        tracks.follow(0, bars((0, 10)))
        assert (tracks.follow(1, bars((5, 15))).tolist() == [0]) is joined


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("max_gap", [0, 2])
def test_a_track_may_be_missing_for_max_gap_frames(method, max_gap):
    for gap in range(4):
        tracks = FrameByFrame(method=method, max_gap=max_gap, max_distance_px=15)
        tracks.follow(0, bars((0, 10)))
        for frame in range(1, gap + 1):
            assert tracks.follow(frame, bars((20, 30))).tolist() == [1]
        goes_on = tracks.follow(gap + 1, bars((20, 30), (0, 10))).tolist()[1] == 0
        assert goes_on is (gap <= max_gap)


def test_no_masks():
    tracks = FrameByFrame()
    assert tracks.follow(0, Rles.empty(SIZE)).tolist() == []
    assert tracks.follow(1, bars((0, 10))).tolist() == [0]
    assert tracks.follow(2, Rles.empty(SIZE)).tolist() == []
    assert tracks.follow(3, bars((0, 10))).tolist() == [0]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"method": "sort"}, "--method is one of iou, hungarian, centroid, not 'sort'"),
        ({"min_iou": 0.0}, "--min-iou takes a number above 0 and up to 1, not 0"),
        ({"min_iou": float("nan")}, "--min-iou takes a number above 0 and up to 1, not nan"),
        ({"max_distance_px": 0.0}, "--max-distance takes a number of pixels above 0, not 0"),
        ({"max_distance_px": float("nan")}, "--max-distance takes a number of pixels above 0, not nan"),
        ({"max_gap": -1}, "--max-gap takes a whole number of at least 0, not -1"),
    ],
)
def test_options_out_of_range(options, line):
    with pytest.raises(SettingsError, match=line):
        FrameByFrame(**options)
