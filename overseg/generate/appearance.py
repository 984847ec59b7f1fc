"""Appearance embeddings of masks, from the image embedding under each."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float32, Int8
from torch import Tensor
from torch.nn import functional as F

from overseg.data.masks import APPEARANCE_SIZE
from overseg.generate.encoding import LOGIT_PX, Framing

_LOGITS_PER_CELL = 4  # along a side
_SHRINKAGE = 0.3
_MASKS_AT_ONCE = 64


class Appearance:
    """The features of one picture, prepared for pooling under masks.

    1. The mean over the picture is subtracted, and the features are whitened: each direction is divided by the square
       root of its variance over the picture plus `_SHRINKAGE` times the mean variance of all directions. Without that,
       all objects look similar: the features that separate objects from their surroundings are the same for most.
    2. A random projection to d numbers keeps the angles between vectors up to an error of about 1 / sqrt(d)
       (W. B. Johnson and J. Lindenstrauss, 1984: "Extensions of Lipschitz mappings into a Hilbert space").
    3. The appearance of a mask is the direction of the mean of its cells. A cell's weight is the share of it that is
       inside the mask.
    """

    def __init__(self, embedding: Float[Tensor, "1 c y x"], framing: Framing) -> None:
        """
        Args:
            embedding: the picture's image embedding.
            framing: the picture's place in it; the rest is padding.
        """
        grid = (embedding.shape[2], embedding.shape[3])
        self._shown = _shown(framing, grid).to(embedding.device)
        whitened = _whitened(embedding[0].float().flatten(1).T, self._shown.flatten())
        projection = torch.from_numpy(_projection(embedding.shape[1])).to(embedding.device)
        self._features = (whitened @ projection).unflatten(0, grid)

    def appearances(self, logits: Float[Tensor, "n y x"]) -> Int8[np.ndarray, "n channels"]:
        """The appearance of each mask: a vector of length 127, rounded; zeros where no cell is under the mask."""
        found = [torch.zeros((0, APPEARANCE_SIZE), device=logits.device)]
        found += [self._pooled(logits[at : at + _MASKS_AT_ONCE]) for at in range(0, len(logits), _MASKS_AT_ONCE)]
        return (127 * torch.cat(found)).round().to(torch.int8).cpu().numpy()

    def _pooled(self, logits: Tensor) -> Float[Tensor, "n channels"]:
        share = F.avg_pool2d((logits > 0).float()[:, None], _LOGITS_PER_CELL)[:, 0]
        rows, columns = share.shape[1:]
        weights = (share * self._shown[:rows, :columns]).flatten(1)
        return F.normalize(weights @ self._features[:rows, :columns].flatten(0, 1), dim=1)


def _shown(framing: Framing, grid: tuple[int, int]) -> Float[Tensor, "y x"]:
    """The share of each cell that is in the picture."""
    cell_px = LOGIT_PX * _LOGITS_PER_CELL
    rows, columns = (
        (px / cell_px - torch.arange(n, dtype=torch.float32)).clamp(0, 1)
        for n, px in zip(grid, framing.input_size, strict=True)
    )
    return rows[:, None] * columns


def _whitened(features: Float[Tensor, "n c"], weight: Float[Tensor, " n"]) -> Float[Tensor, "n c"]:
    """Features minus their weighted mean, divided by their weighted spread in every direction."""
    weight = weight / weight.sum()
    features = features - weight @ features
    covariance = (
        ((features * weight[:, None]).T @ features).cpu().double()
    )  # in double precision: some variances are much smaller
    variance, directions = torch.linalg.eigh(covariance)
    spread = (variance.clamp(min=0) + _SHRINKAGE * variance.mean()).sqrt().clamp(min=torch.finfo(torch.float32).tiny)
    return features @ (directions / spread @ directions.T).float().to(features.device)


@cache
def _projection(n_channels: int) -> Float32[np.ndarray, "c channels"]:
    """Orthonormal columns in seeded random directions."""
    random = np.random.default_rng(0).standard_normal((n_channels, APPEARANCE_SIZE))
    return np.linalg.qr(random)[0].astype(np.float32)
