"""Masks that are enlarged together, as on a GPU, are those that are enlarged one by one."""

import numpy as np
import torch

from overseg.generate.encoding import Framing
from overseg.generate.enlarging import Enlarging

SIZE = (90, 151)


def test_masks_and_stability_scores_are_the_same() -> None:
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(64.0), indexing="ij")
    discs = [((x - u) ** 2 + (y - v) ** 2).sqrt() for u, v in ((20, 12), (50, 30), (63, 0), (30, 18))]
    logits = torch.stack([(radius - disc) / 2 for disc, radius in zip(discs, (8, 12, 5, -9), strict=True)])
    enlarging = Enlarging(Framing(SIZE, 256), (40, 64), torch.device("cpu"))
    one_by_one, at_once = enlarging.masks(logits), enlarging.masks_at_once(logits)
    assert one_by_one.area_px().tolist()[-1] == 0
    assert at_once.iou(one_by_one).diagonal()[:3].min() > 0.999
    assert at_once.area_px().tolist()[-1] == 0
    with torch.autocast("cpu", torch.bfloat16):
        assert enlarging.masks(logits) == one_by_one
        assert enlarging.masks_at_once(logits) != at_once  # what `masks` avoids
    expected = enlarging.stability_score(logits, max_samples=None)
    assert np.allclose(enlarging.stability_score_at_once(logits), expected, atol=1e-3)
    assert enlarging.stability_score_at_once(logits[:0]).shape == (0,)
    assert len(enlarging.masks_at_once(logits[:0])) == 0
