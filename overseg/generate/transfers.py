"""Masks transferred between a frame and remembered ones by the similarity of their cells; see `affinity`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from overseg.generate.affinity import Affinity, CellFeatures
from overseg.generate.locating_scene import LocatingScene

LEAST = 1e-3  # in place of an agreement of zero, so that other factors still decide
_REACH_CELLS, _REACH_FRAMES = 14, 5  # the search radius for this many frames: a fifth of the picture's longer side


@dataclass(frozen=True, eq=False)
class Sighting:
    """One mask on one picture, as it is remembered.

    Attributes:
        picture: its features; masks of the same picture share them.
        share: the share of each cell that the mask covers, in [0, 1].
    """

    picture: CellFeatures
    share: Float[Tensor, " n"]


class Transfers:
    """Remembered masks transferred to a scene by features, and masks of the scene transferred back.

    Attributes:
        memories: the sightings of each remembered mask.
        maps: of each, the map in the scene, by cell; None for one without sightings.
    """

    def __init__(self, scene: LocatingScene, memories: Sequence[Sequence[Sighting]]) -> None:
        self.memories = memories
        self._frame = scene.cells.frame
        pictures = list(dict.fromkeys(sighting.picture for memory in memories for sighting in memory))
        self._affinity = Affinity(scene.cells, pictures)
        self.maps = self._all_maps()
        remembered = dict.fromkeys((seen.picture, self._reach(seen)) for memory in memories for seen in memory)
        for picture, reach in remembered:
            self._affinity.prepare_back(picture, reach)  # before there are threads

    def agreement_back(self, row: int, shares: Float[Tensor, "k n"]) -> Float[Tensor, " k"]:
        """Mean IoU of candidates with the mask in the remembered pictures; 1 without memories."""
        agreements = [
            soft_iou(self._affinity.back(seen.picture, self._reach(seen), shares.T).T, seen.share)
            for seen in self.memories[row]
        ]
        return torch.stack(agreements).mean(dim=0) if agreements else shares.new_ones(len(shares))

    def similarities(self, shares: Float[Tensor, "k n"]) -> Float[Tensor, "m k"]:
        """The similarity of each remembered mask and each mask of the scene, in [0, 1].

        It is the geometric mean of two IoUs: of the remembered mask's map with the mask, and, as a mean over the
        remembered pictures, of the mask's map there with the remembered mask.
        """
        similarity = shares.new_zeros((len(self.memories), len(shares)))
        back: dict[tuple[int, int], Tensor] = {}
        for row, (memory, cells) in enumerate(zip(self.memories, self.maps, strict=True)):
            if cells is None:
                continue
            for seen in memory:
                key = id(seen.picture), self._reach(seen)
                if key not in back:
                    back[key] = self._affinity.back(seen.picture, key[1], shares.T).T.contiguous()
                similarity[row] += soft_iou(back[key], seen.share) / len(memory)
            similarity[row] = (similarity[row] * soft_iou(shares, cells)).sqrt()
        return similarity

    def _all_maps(self) -> list[Float[Tensor, " n"] | None]:
        """The maps of all masks: one product for those with the same remembered pictures."""
        groups: dict[tuple[CellFeatures, ...], list[int]] = {}
        for row, memory in enumerate(self.memories):
            groups.setdefault(tuple(sighting.picture for sighting in memory), []).append(row)
        maps: list[Float[Tensor, " n"] | None] = [None] * len(self.memories)
        for pictures, rows in groups.items():
            if pictures:
                seen = [(sighting.picture, self._reach(sighting)) for sighting in self.memories[rows[0]]]
                shares = [torch.stack([self.memories[row][k].share for row in rows], 1) for k in range(len(pictures))]
                for row, found in zip(rows, self._affinity.maps(seen, shares).T, strict=True):
                    maps[row] = found
        return maps

    def _reach(self, seen: Sighting) -> int:
        return _REACH_CELLS * -(-abs(self._frame - seen.picture.frame) // _REACH_FRAMES)


def soft_iou(masks: Float[Tensor, "k n"], other: Float[Tensor, " n"]) -> Float[Tensor, " k"]:
    """Sum of the smaller over sum of the larger shares, cell by cell; for masks of 0 and 1 it is their IoU."""
    smaller, larger = torch.minimum(masks, other), torch.maximum(masks, other)
    return smaller.sum(dim=1) / larger.sum(dim=1).clamp(min=LEAST)
