"""Masks of one picture that are nearly the same, made one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from overseg.generate.candidates import SAME_IOU, Candidates
from overseg.generate.keep import joined_sam_outputs, kept_rows, spokesmen


def merged(
    first: Candidates,
    others: Candidates,
    *,
    max_iou: float,
    min_stability_score: float,
    stability_score: Callable[[Float[Tensor, "n y x"]], Float32[np.ndarray, " n"]],
) -> Candidates:
    """`first`, then those of `others`, best first, that are near-duplicates of nothing before them.

    Each is the mean of itself and those duplicates that are nearly the same: they differ by noise, and their mean has
    less of it.

    Args:
        first: all of them are kept.
        others: of two that overlap by more, the better is kept.
        max_iou: what is a near-duplicate.
        min_stability_score: a mean that is neither as stable as this nor as the mask itself is not taken.
        stability_score: of logits; the mean of masks has its own.
    """
    both = Candidates.concatenate([first, others])
    is_other = np.arange(len(both)) >= len(first)
    order = np.lexsort((-both.quality, is_other))
    order[: len(first)] = np.arange(len(first))
    iou = both.iou()
    spokesman = spokesmen(order, lambda row: (iou[row] > max_iou) & is_other)
    kept = kept_rows(order, spokesman)
    same = (iou[kept] >= SAME_IOU) & (spokesman == kept[:, None])
    mean = both.mean_logits(same)
    mean_stability = stability_score(mean)
    masks = both.take(kept)
    is_stable = mean_stability >= np.minimum(masks.stability_score, min_stability_score)
    on_device = torch.from_numpy(is_stable).to(mean.device)[:, None, None]
    return replace(
        masks,
        logits=torch.where(on_device, mean, masks.logits),
        stability_score=np.where(is_stable, mean_stability, masks.stability_score),
        sam_outputs=joined_sam_outputs(both.sam_outputs, spokesman)[kept],
    )
