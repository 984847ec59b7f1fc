"""Which masks are followed, and where they are clicked."""

import itertools

import numpy as np
import pytest
from skimage import data, measure

from overseg.data.rles import Rles
from overseg.errors import SettingsError
from overseg.prompts.choosing import largest_objects
from overseg.prompts.seeding import Seeding
from overseg.prompts.seeds import background_points, seed_points

SIZE = (120, 200)


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def chosen(*masks: np.ndarray, **options) -> np.ndarray:
    return largest_objects(Rles.from_masks(np.array(masks)), **options).to_masks()


def test_the_largest_come_first_and_no_more_than_asked_for():
    masks = [box(0, 0, side, side) for side in (30, 60, 40, 50)]
    assert [mask.sum() for mask in chosen(*masks)] == [3600, 2500, 1600]
    assert [mask.sum() for mask in chosen(*masks, max_objects=2)] == [3600, 2500]
    assert len(chosen(*masks, max_objects=9)) == 4


def test_small_parts_are_removed_in_each_mask():
    mask = box(0, 0, 40, 40) | box(60, 0, 82, 22) | box(100, 0, 125, 20)  # 1600, 484 and 500 px
    (left,) = chosen(mask)
    assert np.array_equal(left, box(0, 0, 40, 40) | box(100, 0, 125, 20))
    assert len(chosen(box(0, 0, 22, 22))) == 0


def test_parts_that_touch_at_a_corner_are_one():
    mask = box(0, 0, 20, 20) | box(20, 20, 40, 40)
    assert np.array_equal(chosen(mask)[0], mask)


def test_of_duplicates_the_larger_is_kept():
    masks = box(0, 0, 100, 91), box(0, 0, 100, 100), box(0, 0, 100, 89)
    assert [mask.sum() for mask in chosen(*masks)] == [10000, 8900]
    assert [mask.sum() for mask in chosen(*masks, max_iou=0.98)] == [10000, 9100, 8900]


def test_no_masks():
    assert len(largest_objects(Rles.empty(SIZE))) == 0


def distances(points: np.ndarray) -> list[float]:
    return [float(np.hypot(*(one - other))) for one, other in itertools.combinations(points, 2)]


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_seeds_of_real_shapes_lie_inside_and_apart(n):
    """Of coins, and of ragged shadows between them."""
    labels = measure.label(data.coins() > 130)
    large = [region.label for region in measure.regionprops(labels) if region.area > 400]
    for label in large:
        mask = labels == label
        points = seed_points(mask, n)
        assert 1 <= len(points) <= n
        assert mask[points[:, 1], points[:, 0]].all()
        assert all(distance >= 25 for distance in distances(points))
    assert len(large) > 10


def test_the_centroid_comes_first_where_it_is_inside():
    assert seed_points(box(10, 20, 61, 71), 1).tolist() == [[35, 45]]
    ring = box(20, 10, 120, 110) & ~box(40, 30, 100, 90)
    (point,) = seed_points(ring, 1)
    assert ring[point[1], point[0]] and point.tolist() != [69, 59]


def test_the_innermost_come_next():
    thick_and_thin = box(10, 10, 60, 60) | box(60, 30, 190, 36)
    first, second = seed_points(thick_and_thin, 2)
    assert thick_and_thin[first[1], first[0]]
    assert 30 <= second[0] < 40 and 30 <= second[1] < 40


def test_the_edge_of_the_picture_is_a_border():
    (point,) = seed_points(box(0, 0, 50, 50) | box(150, 0, 200, 50), 2)[1:]
    assert 20 <= point[1] <= 30 and min(point[0], 199 - point[0]) >= 20


def test_small_masks_have_fewer_and_empty_ones_none():
    assert len(seed_points(box(0, 0, 10, 10), 5)) == 1
    assert len(seed_points(np.zeros(SIZE, bool), 5)) == 0
    assert seed_points(np.ones((1, 1), bool), 2).tolist() == [[0, 0]]


def test_background_lies_beside_all_objects_and_near():
    masks = np.array([box(20, 20, 70, 70), box(80, 20, 130, 70)])
    objects = Rles.from_masks(masks)
    for row in (0, 1):
        points = background_points(objects, row, 3)
        assert len(points) == 3
        assert not masks.any(axis=0)[points[:, 1], points[:, 0]].any()
        assert (np.abs(points - [[45, 45], [105, 45]][row]).max(axis=1) <= 75).all()
        assert all(distance >= 25 for distance in distances(points))
    assert len(background_points(Rles.from_masks(np.ones((1, *SIZE), bool)), 0, 3)) == 0


def test_clicks_of_objects():
    objects = Rles.from_masks(np.array([box(20, 20, 100, 100), box(120, 20, 180, 70)]))
    clicks = Seeding(seeds_per_object=2, background_seeds=1).clicks(objects, ("obj_1", "obj_2"))
    assert clicks.object == ("obj_1",) * 3 + ("obj_2",) * 3
    assert clicks.label.tolist() == [1, 1, 0] * 2
    assert clicks.frame.tolist() == [0] * 6
    masks = objects.to_masks()
    for (x, y), label, name in zip(clicks.xy.tolist(), clicks.label.tolist(), clicks.object, strict=True):
        assert masks[int(name[-1]) - 1][y, x] == label
    assert len(Seeding().clicks(Rles.empty(SIZE), ())) == 0


def test_names_stay_with_their_objects():
    masks = Rles.from_masks(np.array([box(0, 0, 10, 10), box(0, 0, 30, 30), box(40, 0, 90, 50), box(100, 0, 140, 40)]))
    first, names = Seeding(max_objects=2).first(masks, ("speck_1", "cup_1", "cup_2", "dog_1"))
    assert (first.area_px().tolist(), names) == ([900, 2500], ("cup_1", "cup_2"))
    largest, names = Seeding(max_objects=2).largest(masks)
    assert (largest.area_px().tolist(), names) == ([2500, 1600], ("obj_1", "obj_2"))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"max_objects": 0}, "--max-objects takes a whole number of at least 1, not 0"),
        ({"min_mask_region_area_px": 0}, "--min-mask-region-area takes a whole number of at least 1, not 0"),
        ({"seeds_per_object": 0}, "--seeds-per-object takes a whole number of at least 1, not 0"),
        ({"background_seeds": -1}, "--background-seeds takes a whole number of at least 0, not -1"),
    ],
)
def test_options_that_cannot_be(options, line):
    with pytest.raises(SettingsError, match=line):
        Seeding(**options)
