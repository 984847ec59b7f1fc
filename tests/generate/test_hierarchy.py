"""Regions of similar colour at several scales."""

import numpy as np
import pytest
from generate.generator_suite import GeneratorSuite, generate
from generate.pictures import frame, photograph, plain, shapes
from scipy import ndimage

from overseg.errors import SettingsError
from overseg.generate.hierarchy import HierarchyGenerator


class TestHierarchyGenerator(GeneratorSuite):
    max_iou = 0.9

    def make(self, pictures, **limits):
        return HierarchyGenerator(**limits)

    def test_regions_are_connected_and_cover_the_picture(self, found):
        picture, masks = found
        assert all(ndimage.label(mask)[1] == 1 for mask in masks.rles.to_masks())
        assert masks.rles.union().area_px()[0] > 0.99 * picture.size[0] * picture.size[1]

    def test_every_scale_gives_masks_and_coarser_ones_are_larger(self, found):
        _, masks = found
        area = masks.rles.area_px()
        means = [area[masks.sam_output == sam_output].mean() for sam_output in range(3)]
        assert means == sorted(means)


def test_shapes_are_found_at_their_place():
    picture = shapes(960, 1310)  # three times the working size
    masks = generate(HierarchyGenerator(), picture).rles.to_masks()
    bar = np.zeros(picture.size, bool)
    bar[720:840, 327:] = True
    iou = (masks & bar).sum(axis=(1, 2)) / (masks | bar).sum(axis=(1, 2))
    assert iou.max() > 0.93


def test_a_clear_border_scores_higher_than_a_faint_one():
    rgb = np.full((100, 200, 3), 100, np.uint8)
    rgb[20:80, 20:80] = 220
    rgb[20:80, 120:180] = 110
    masks = generate(HierarchyGenerator(), frame(rgb))
    boxes = masks.rles.boxes_xywh()
    clear = masks.predicted_iou[(boxes[:, 0] < 40) & (boxes[:, 2] < 100)]
    faint = masks.predicted_iou[boxes[:, 0] > 100]
    assert len(clear) and (len(faint) == 0 or clear.max() > 2 * faint.max())


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3), (700, 2)])
def test_pictures_of_few_pixels(size):
    masks = generate(HierarchyGenerator(min_area_px=1), plain(*size))
    assert masks.rles.union().area_px()[0] == size[0] * size[1]


def test_a_little_noise_changes_little():
    picture = photograph()
    noise = np.random.default_rng(0).normal(0, 3, picture.rgb.shape)
    noisy = frame((picture.rgb + noise).clip(0, 255).astype(np.uint8))
    one, other = (generate(HierarchyGenerator(min_area_px=300), each) for each in (picture, noisy))
    matched = one.rles.iou(other.rles).max(axis=1) > 0.5
    assert matched.mean() > 0.5


@pytest.mark.parametrize("scales", [(), (0.0, 5.0), (5.0, 5.0), (9.0, 5.0)])
def test_scales_that_are_not_rising_are_errors(scales):
    with pytest.raises(SettingsError, match="rising"):
        HierarchyGenerator(scales=scales)
