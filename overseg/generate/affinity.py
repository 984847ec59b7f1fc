"""Similarity of the places of two pictures by SAM's image features, and masks transferred by it.

A place is a cell of the encoder's grid, 16 pixels of its input. Each cell of one picture takes the mean share of mask
of its most similar cells in other pictures, weighted by a softmax. This is label propagation by features (Jabri, Owens,
Efros, "Space-time correspondence as a contrastive random walk", NeurIPS 2020, section 3.1). SAM's features are not
trained for it: much of them is constant over a picture. They are whitened first, with a covariance shrunk towards a
multiple of the identity (Ledoit, Wolf, 2004).

Shapes: n cells of a picture, c channels, m masks, k similar cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from overseg.generate.encoding import Framing
from overseg.side_by_side import in_one_thread

CELL_PX = 16  # of the encoder's input
_NEIGHBOURS = 8
_TEMPERATURE = 0.05  # of the softmax over cosines
_SHRINKAGE = 0.3  # of the mean variance, added to every direction
_OUT_OF_REACH = -9.0  # cosine of cells out of reach: their softmax weight is zero


@dataclass(frozen=True, eq=False)
class CellFeatures:
    """The features of a picture, cell by cell. Pictures are compared by identity of this object.

    Attributes:
        frame: index of the frame.
        features: of each cell of the picture without padding, row by row.
        grid: (rows, columns) of cells.
    """

    frame: int
    features: Float[Tensor, "n c"]
    grid: tuple[int, int]

    @classmethod
    def of(cls, frame: int, embedding: Float[Tensor, "1 c y x"], framing: Framing) -> "CellFeatures":
        """The part of SAM's image embedding that is not padding."""
        rows, columns = (-(-px // CELL_PX) for px in framing.input_size)
        return cls(frame, embedding[0, :, :rows, :columns].flatten(1).T.contiguous(), (rows, columns))


class Affinity:
    """The similarity of the cells of a new picture and of remembered ones, computed once per pair of pictures."""

    @in_one_thread
    def __init__(self, new: CellFeatures, remembered: Sequence[CellFeatures]) -> None:
        """
        Args:
            new: the picture on which masks are located.
            remembered: pictures of the same size, each once. Their order changes the result by rounding alone.
        """
        self._grid = new.grid
        whitened = _whitened([new.features, *(picture.features for picture in remembered)])
        self._cosine = {id(picture): whitened[0] @ old.T for picture, old in zip(remembered, whitened[1:], strict=True)}
        self._forward: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._backward: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    @in_one_thread
    def maps(
        self, sightings: Sequence[tuple[CellFeatures, int]], shares: Sequence[Float[Tensor, "n m"]]
    ) -> Float[Tensor, "n m"]:
        """The maps, in [0, 1], of m masks in the new picture; all were seen on the same remembered pictures.

        Args:
            sightings: the remembered pictures, each with the radius of the search in cells.
            shares: for each of them, the share of every cell that each mask covers, in [0, 1].
        """
        found = [self._neighbours(picture, reach, back=False) for picture, reach in sightings]
        n_before = [0, *(len(share) for share in shares[:-1])]
        start = torch.tensor(n_before).cumsum(0).tolist()
        cosine = torch.cat([cosine for cosine, _ in found], dim=1)
        cell = torch.cat([cell + at for (_, cell), at in zip(found, start, strict=True)], dim=1)
        best, order = cosine.topk(min(_NEIGHBOURS, cosine.shape[1]), dim=1)
        return _mean_share(best, cell.gather(1, order), torch.cat(list(shares)))

    @in_one_thread
    def prepare_back(self, picture: CellFeatures, reach: int) -> None:
        """Compute what all calls of `back` with this picture and this radius share."""
        self._neighbours(picture, reach, back=True)

    @in_one_thread
    def back(self, picture: CellFeatures, reach: int, shares: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """The maps of masks of the new picture in a remembered one: `maps` in the other direction."""
        return _mean_share(*self._neighbours(picture, reach, back=True), shares)

    def _neighbours(self, picture: CellFeatures, reach: int, *, back: bool) -> tuple[Tensor, Tensor]:
        """Cosines and numbers of the most similar cells, [n, k] each."""
        found, key = self._backward if back else self._forward, (id(picture), reach)
        if key not in found:
            cosine = self._cosine[id(picture)]
            cosine = cosine.masked_fill(_out_of_reach(self._grid, reach).to(cosine.device), _OUT_OF_REACH)
            best, cell = (cosine.T.contiguous() if back else cosine).topk(min(_NEIGHBOURS, len(cosine)), dim=1)
            found[key] = best, cell
        return found[key]


def _mean_share(
    cosine: Float[Tensor, "n k"], cell: Int[Tensor, "n k"], shares: Float[Tensor, "cells m"]
) -> Float[Tensor, "n m"]:
    """Weighted means of the shares of similar cells: one product with a sparse matrix for all masks."""
    weight = (cosine / _TEMPERATURE).softmax(dim=1)
    mean = torch.zeros((len(cell), shares.shape[1]), device=shares.device)
    for k in range(cell.shape[1]):  # in a fixed order: a mask's sum does not depend on the other masks
        mean += weight[:, k, None] * shares[cell[:, k]]
    return mean


def _whitened(pictures: Sequence[Float[Tensor, "n c"]]) -> list[Float[Tensor, "n c"]]:
    """Whitened features as unit vectors."""
    together = torch.cat(list(pictures)).double().cpu()  # some devices have no float64, and the matrix is small
    mean = together.mean(dim=0)
    variance, directions = torch.linalg.eigh(torch.cov(together.T))
    spread = (variance.clamp(min=0) + _SHRINKAGE * variance.mean()).clamp(min=torch.finfo(torch.float32).tiny).sqrt()
    whitening = ((directions / spread) @ directions.T).float().to(pictures[0].device)
    return [F.normalize((features - mean.float().to(features.device)) @ whitening, dim=1) for features in pictures]


@lru_cache(maxsize=4)
def _out_of_reach(grid: tuple[int, int], reach: int) -> Bool[Tensor, "n n"]:
    """Whether cells are more than `reach` rows or columns apart."""
    rows, columns = (torch.arange(side) for side in grid)
    near_rows, near_columns = ((axis[:, None] - axis).abs() <= reach for axis in (rows, columns))
    return ~(near_rows[:, None, :, None] & near_columns[None, :, None, :]).flatten(2).flatten(0, 1)
