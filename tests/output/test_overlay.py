"""The order of masks, untouched pixels, and outlines."""

import numpy as np
import pytest

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.output.colours import track_colours
from overseg.output.overlay import _OUTLINE_LIGHTER, _OUTLINE_OPACITY, draw_masks

SIZE = (60, 80)
GREY = np.full((*SIZE, 3), 100, np.uint8)


def square(top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def table(masks: dict[int, np.ndarray]) -> TrackMasks:
    """Masks by their tracks."""
    n = len(masks)
    ones = np.ones(n, np.float32)
    return TrackMasks(
        rles=Rles.from_masks(np.array(list(masks.values()), bool).reshape(n, *SIZE)),
        track=np.array(list(masks), np.int32),
        frame=np.zeros(n, np.int32),
        region=np.arange(n),
        source=np.zeros(n, np.int8),
        score=ones,
        stability_score=ones,
        sam_output=np.zeros(n, np.int8),
        sam_outputs=np.ones(n, np.uint8),
        point_xy=np.zeros((n, 2), np.float32),
    )


def colour(track: int) -> list[int]:
    return track_colours(np.array([track]))[0].tolist()


def is_outline(drawn: np.ndarray, track: int, below: list[int]) -> np.ndarray:
    """Whether each of some pixels [..., 3] is of a track's outline over this colour."""
    line = track_colours(np.array([track]), lighter=_OUTLINE_LIGHTER)[0]
    mixed = _OUTLINE_OPACITY * line + (1 - _OUTLINE_OPACITY) * np.array(below)
    return (np.abs(drawn - mixed) <= 1).all(axis=-1)


@pytest.mark.parametrize("order", [(3, 7, 9), (9, 7, 3), (7, 9, 3)])
def test_small_masks_lie_on_top_in_any_order_of_rows(order):
    nested = {3: square(5, 5, 45), 7: square(10, 10, 30), 9: square(15, 15, 10)}
    drawn = draw_masks(GREY, table({track: nested[track] for track in order}), opacity=1)
    assert drawn[45, 45].tolist() == colour(3)
    assert drawn[35, 35].tolist() == colour(7)
    assert drawn[20, 20].tolist() == colour(9)


def test_pixels_under_no_mask_stay_unchanged():
    rgb = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    masks = {0: square(2, 3, 20), 1: square(30, 40, 25)}
    for opacity in (0.0, 0.5, 1.0):
        drawn = draw_masks(rgb, table(masks), opacity=opacity)
        assert np.array_equal((drawn != rgb).any(axis=2) & ~(masks[0] | masks[1]), np.zeros(SIZE, bool))


def test_fill_mixes_with_the_picture():
    drawn = draw_masks(GREY, table({4: square(10, 10, 30)}), opacity=0.25)
    assert np.allclose(drawn[25, 25], 0.75 * 100 + 0.25 * np.array(colour(4)), atol=1)


def test_outlines_show_at_any_opacity():
    mask = square(10, 10, 9)
    drawn = draw_masks(GREY, table({4: mask}), opacity=0)
    inner = square(11, 11, 7)
    assert is_outline(drawn[mask & ~inner], 4, below=[100, 100, 100]).all()
    assert np.array_equal(drawn[inner], GREY[inner])


def test_outline_of_a_whole_shows_around_a_part_with_the_same_border():
    whole, part = square(10, 10, 40), square(10, 10, 8)
    drawn = draw_masks(GREY, table({1: whole, 2: part}), opacity=1)
    assert is_outline(drawn[10, 14], 2, below=colour(2))
    assert is_outline(drawn[11, 14], 1, below=colour(2))
    assert drawn[14, 14].tolist() == colour(2)


def test_the_edge_of_the_picture_is_no_outline():
    drawn = draw_masks(GREY, table({1: np.ones(SIZE, bool)}), opacity=0)
    assert np.array_equal(drawn, GREY)


def test_colours_do_not_depend_on_other_masks():
    alone = draw_masks(GREY, table({12: square(2, 2, 10)}))
    beside = draw_masks(GREY, table({5: square(30, 30, 20), 12: square(2, 2, 10)}))
    assert np.array_equal(alone[:14], beside[:14])


def test_no_masks_give_a_copy():
    drawn = draw_masks(GREY, table({}))
    assert np.array_equal(drawn, GREY)
    assert not np.shares_memory(drawn, GREY)


def test_an_empty_mask_changes_nothing():
    assert np.array_equal(draw_masks(GREY, table({1: np.zeros(SIZE, bool)})), GREY)


def test_one_pixel():
    pixel = np.full((1, 1, 3), 100, np.uint8)
    masks = table({1: square(0, 0, 1)})
    one = TrackMasks(**{**vars(masks), "rles": Rles.from_masks(np.ones((1, 1, 1), bool))})
    assert draw_masks(pixel, one, opacity=1)[0, 0].tolist() == colour(1)


def test_a_read_only_picture_is_not_touched():
    rgb = GREY.copy()
    rgb.flags.writeable = False
    draw_masks(rgb, table({1: square(5, 5, 20)}))
    assert np.array_equal(rgb, GREY)
