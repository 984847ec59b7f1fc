"""Appearance embeddings of masks, from a picture's image embedding."""

import numpy as np
import pytest
import torch

from overseg.data.masks import APPEARANCE_SIZE
from overseg.generate.appearance import Appearance
from overseg.generate.encoding import Framing

FRAMING = Framing(size=(96, 128), side_px=128)  # 8 x 8 cells of 16 pixels, of which 6 rows show the picture
MATERIAL = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]]).repeat_interleave(2, 0).repeat_interleave(2, 1)


@pytest.fixture
def embedding() -> torch.Tensor:
    """Four materials, each with its own features and some noise. The padding below the picture has other features."""
    torch.manual_seed(0)
    features = torch.full((1, 96, 8, 8), 100.0)
    features[0, :, :6] = torch.randn(96, 4)[:, MATERIAL] + 0.02 * torch.randn(96, 6, 8) + 50
    return features


def mask(rows: slice, columns: slice) -> torch.Tensor:
    """Logits of a mask over these pixels of the logits, four to a cell."""
    logits = torch.full((1, 32, 32), -1.0)
    logits[:, rows, columns] = 1
    return logits


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(float).ravel(), other.astype(float).ravel()
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_masks_of_one_material_have_similar_appearances_and_others_have_not(embedding):
    seen = Appearance(embedding, FRAMING)
    whole, part, other = (
        seen.appearances(mask(*at))
        for at in (
            (slice(0, 16), slice(0, 16)),
            (slice(2, 10), slice(3, 12)),
            (slice(0, 16), slice(16, 32)),
        )
    )
    assert whole.shape == (1, APPEARANCE_SIZE) and whole.dtype == np.int8
    assert np.linalg.norm(whole.astype(float)) == pytest.approx(127, abs=3)
    assert cosine(whole, part) > 0.9
    assert cosine(whole, other) < 0.3


def test_padding_does_not_change_appearances(embedding):
    other = embedding.clone()
    other[:, :, 6:] = -3
    below = torch.cat([mask(slice(0, 24), slice(4, 9)), mask(slice(0, 32), slice(4, 9))])
    appearances = [Appearance(features, FRAMING).appearances(below) for features in (embedding, other)]
    assert np.array_equal(*appearances) and np.array_equal(appearances[0][0], appearances[0][1])
    assert not Appearance(embedding, FRAMING).appearances(mask(slice(24, 32), slice(0, 32))).any()


def test_a_cells_weight_is_the_share_of_it_inside_the_mask(embedding):
    seen = Appearance(embedding, FRAMING)
    mostly = seen.appearances(mask(slice(0, 8), slice(8, 17)))
    assert cosine(mostly, seen.appearances(mask(slice(0, 8), slice(8, 16)))) > 0.95
    assert cosine(mostly, seen.appearances(mask(slice(0, 8), slice(16, 20)))) < 0.4


def test_no_masks_a_picture_of_one_colour_and_logits_of_fewer_rows(embedding):
    assert Appearance(embedding, FRAMING).appearances(torch.zeros((0, 28, 32))).shape == (0, APPEARANCE_SIZE)
    plain = Appearance(torch.ones_like(embedding), FRAMING).appearances(mask(slice(0, 16), slice(0, 16)))
    assert plain.shape == (1, APPEARANCE_SIZE)
    at = mask(slice(0, 16), slice(0, 16))
    assert np.array_equal(
        Appearance(embedding, FRAMING).appearances(at), Appearance(embedding, FRAMING).appearances(at[:, :28])
    )
