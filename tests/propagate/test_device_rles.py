"""Masks are encoded on the device as pycocotools encodes their pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from overseg.data.rles import Rles
from overseg.propagate import device_rles
from overseg.propagate.device_rles import rles_at_size

stacks = hnp.arrays(bool, st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 9)))


@settings(deadline=None)
@given(stacks)
def test_the_same_bytes_as_pycocotools(masks: np.ndarray) -> None:
    logits = torch.where(torch.from_numpy(masks), 1.0, -1.0)[:, None]
    assert rles_at_size(logits, masks.shape[1:]) == Rles.from_masks(masks)


def test_zero_is_outside() -> None:
    assert rles_at_size(torch.zeros(1, 1, 3, 4), (3, 4)).area_px().tolist() == [0]


def test_masks_have_the_frames_size() -> None:
    logits = torch.nn.functional.interpolate(torch.eye(8)[None, None] - 0.5, (64, 64))
    expected = torch.nn.functional.interpolate(logits, (90, 121), mode="bilinear", align_corners=False)[:, 0] > 0
    assert rles_at_size(logits, (90, 121)) == Rles.from_masks(expected.numpy())


def test_small_batches_give_the_same_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(7, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = rles_at_size(logits, (31, 29))
    resized, sizes = device_rles._resized, []
    monkeypatch.setattr(device_rles, "_PIXELS_AT_ONCE", 2 * 31 * 29)
    monkeypatch.setattr(device_rles, "_resized", lambda part, size: sizes.append(len(part)) or resized(part, size))
    assert rles_at_size(logits, (31, 29)) == expected
    assert sizes == [2, 2, 2, 1]
