"""Merges the near-duplicates among the masks of one picture."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from overseg.generate.candidates import SAME_IOU, Candidates
from overseg.generate.keep import joined_sam_outputs
from overseg.suppression import kept_rows, suppress


def merged(
    first: Candidates,
    others: Candidates,
    *,
    max_iou: float,
    min_stability_score: float,
    stability_score: Callable[[Float[Tensor, "n y x"]], Float32[np.ndarray, " n"]],
) -> Candidates:
    """All of `first`, then `others` without near-duplicates, the best first.

    The logits of each kept mask are the mean of its own and those of its duplicates with an IoU of at least `SAME_IOU`.
    Such duplicates differ by noise only, and the mean has less noise.

    Args:
        first: these are all kept.
        others: of two near-duplicates, the better is kept.
        max_iou: two masks with a higher IoU are near-duplicates.
        min_stability_score: a mean is used where its stability score is at least this, or at least that of the mask.
        stability_score: computes the stability scores of logits.
    """
    both = Candidates.concatenate([first, others])
    is_other = np.arange(len(both)) >= len(first)
    order = np.lexsort((-both.quality, is_other))
    order[: len(first)] = np.arange(len(first))
    iou = both.iou()
    kept_as = suppress(order, lambda row: (iou[row] > max_iou) & is_other)
    kept = kept_rows(order, kept_as)
    same = (iou[kept] >= SAME_IOU) & (kept_as == kept[:, None])
    mean = both.mean_logits(same)
    mean_stability = stability_score(mean)
    masks = both.take(kept)
    is_stable = mean_stability >= np.minimum(masks.stability_score, min_stability_score)
    on_device = torch.from_numpy(is_stable).to(mean.device)[:, None, None]
    return replace(
        masks,
        logits=torch.where(on_device, mean, masks.logits),
        stability_score=np.where(is_stable, mean_stability, masks.stability_score),
        sam_outputs=joined_sam_outputs(both.sam_outputs, kept_as)[kept],
    )
