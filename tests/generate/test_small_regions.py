"""Holes and islands of masks, removed as segment_anything does it."""

import numpy as np
import pytest

from overseg.data.rles import Rles
from overseg.generate.small_regions import without_small_regions
from overseg.torchvision_ops import import_torchvision


def theirs(mask: np.ndarray, min_area_px: int) -> tuple[np.ndarray, bool]:
    import_torchvision()
    from segment_anything.utils.amg import remove_small_regions

    filled, had_holes = remove_small_regions(mask, min_area_px, "holes")
    cleaned, had_islands = remove_small_regions(filled, min_area_px, "islands")
    return cleaned, had_holes or had_islands


@pytest.mark.parametrize("min_area_px", [1, 4, 12, 60])
def test_masks_are_those_of_segment_anything(min_area_px):
    rng = np.random.default_rng(min_area_px)
    n_changed = 0
    for _ in range(40):
        size = tuple(rng.integers(5, 40, 2))
        masks = np.zeros((3, *size), bool)
        for mask in masks:
            y, x = rng.integers(0, size)
            part = mask[y : y + rng.integers(1, 30), x : x + rng.integers(1, 30)]
            part[...] = rng.random(part.shape) < rng.choice([0.3, 0.7, 0.95])
        masks[2, :] = ~masks[1]  # much of it along the borders
        cleaned, changed = without_small_regions(Rles.from_masks(masks), min_area_px)
        for mask, ours, has_changed in zip(masks, cleaned.to_masks(), changed, strict=True):
            expected, expected_changed = theirs(mask, min_area_px) if mask.any() else (mask, False)
            if expected.sum() < min_area_px:  # of several largest islands, any may be kept
                assert ours.sum() == expected.sum()
            else:
                assert np.array_equal(ours, expected)
            assert has_changed == expected_changed
        n_changed += changed.sum()
    assert (n_changed > 0) == (min_area_px > 1)


def test_of_a_mask_of_small_islands_the_largest_is_kept():
    mask = np.zeros((1, 20, 20), bool)
    mask[0, 2:4, 2:4] = mask[0, 10:13, 10:13] = True
    cleaned, changed = without_small_regions(Rles.from_masks(mask), 50)
    assert changed.tolist() == [True] and cleaned.area_px().tolist() == [9]


def test_no_masks():
    cleaned, changed = without_small_regions(Rles.empty((4, 6)), 5)
    assert len(cleaned) == len(changed) == 0 and cleaned.size == (4, 6)
