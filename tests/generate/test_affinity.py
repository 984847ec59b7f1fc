"""Masks found again by features that were made up: every cell of a small grid has a colour of its own."""

import numpy as np
import pytest
import torch

from overseg.generate.affinity import Affinity, CellFeatures
from overseg.generate.encoding import Framing

GRID = (5, 8)
RNG = np.random.default_rng(0)
COLOURS = torch.from_numpy(RNG.normal(size=(*GRID, 16)).astype(np.float32))


def picture(frame: int, *, shift: int = 0) -> CellFeatures:
    """The grid with its columns moved round to the right."""
    return CellFeatures(frame, COLOURS.roll(shift, dims=1).flatten(0, 1).contiguous(), GRID)


def share(rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(GRID)
    mask[rows, columns] = 1
    return mask.flatten()


BLOCK, WALL = share(slice(1, 4), slice(1, 3)), share(slice(0, 5), slice(6, 8))


@pytest.mark.parametrize("shift", [0, 2, -1])
def test_a_mask_is_found_where_its_colours_went_and_looked_up_back(shift):
    old, new = picture(0), picture(5, shift=shift)
    affinity = Affinity(new, [old])
    found = affinity.maps([(old, 8)], [BLOCK[:, None]])[:, 0]
    expected = BLOCK.view(GRID).roll(shift, dims=1).flatten()
    assert torch.equal(found > 0.5, expected > 0.5)
    assert torch.equal(affinity.back(old, 8, expected[:, None])[:, 0] > 0.5, BLOCK > 0.5)


def test_many_masks_at_once_are_the_same_to_the_bit_as_each_by_itself():
    pictures = [picture(0), picture(3, shift=1)]
    affinity = Affinity(picture(5, shift=2), pictures)
    seen = [(one, 8) for one in pictures]
    masks = torch.stack([BLOCK, WALL, share(slice(0, 1), slice(0, 8))], dim=1)
    moved = torch.stack([mask.view(GRID).roll(1, dims=1).flatten() for mask in masks.T], dim=1)
    together = affinity.maps(seen, [masks, moved])
    for k in range(3):
        alone = affinity.maps(seen, [masks[:, k : k + 1], moved[:, k : k + 1]])
        assert torch.equal(together[:, k], alone[:, 0])


def test_what_moved_out_of_reach_is_not_found():
    old, new = picture(0), picture(5, shift=4)
    affinity = Affinity(new, [old])
    wide, narrow = (affinity.maps([(old, reach)], [BLOCK[:, None]])[:, 0] for reach in (8, 1))
    moved = BLOCK.view(GRID).roll(4, dims=1).flatten() > 0
    assert wide[moved].min() > 0.5
    assert narrow[moved].max() < 0.5


def test_a_picture_without_any_difference_finds_everywhere_a_little_and_no_nan():
    flat = [CellFeatures(frame, torch.ones(40, 16), GRID) for frame in (0, 5)]
    found = Affinity(flat[1], flat[:1]).maps([(flat[0], 8)], [BLOCK[:, None]])
    assert torch.isfinite(found).all()
    assert found.min() >= 0 and found.max() <= 1


def test_a_picture_of_a_single_cell():
    old, new = (CellFeatures(frame, torch.ones(1, 16), (1, 1)) for frame in (0, 1))
    assert Affinity(new, [old]).maps([(old, 1)], [torch.ones(1, 1)]).shape == (1, 1)


def test_padding_has_no_cells():
    embedding = torch.arange(64.0 * 64).view(1, 1, 64, 64)
    cells = CellFeatures.of(3, embedding, Framing((480, 854), 1024))
    assert cells.grid == (36, 64)
    assert cells.features[:, 0].tolist() == list(range(36 * 64))
