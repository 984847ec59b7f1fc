"""Locates masks on another picture by two witnesses, image features and optical flow, and by SAM prompted with both.

Optical flow propagates a mask; SAM's image features give a map of where it is. Each prompts SAM, and SAM's outputs and
the two rough masks are candidates. The candidate with the largest product of these three wins:

- agreement with the witnesses, IoU(map)^(1 - w) * IoU(flow)^w, where w is the support of the flow in [0, 1];
- agreement on the way back: the candidate's map in each remembered picture against the mask there, mean IoU;
- SAM's predicted IoU, squared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor
from torch.nn import functional as F

from overseg.data.frame import Frame
from overseg.data.located import Located
from overseg.data.rles import Rles
from overseg.generate.affinity import CELL_PX, Affinity, CellFeatures
from overseg.generate.encoding import LOGIT_PX, Framing
from overseg.generate.enlarging import Enlarging
from overseg.generate.frame_encoder import FrameEncoder, check_finite
from overseg.generate.point_grid import prompts_work
from overseg.generate.prompt_batches import DEFAULT_POINTS_PER_BATCH, PromptBatches
from overseg.generate.prompting import check_large_enough
from overseg.side_by_side import in_one_thread

_REACH_CELLS, _REACH_FRAMES = 14, 5  # the search radius for this many frames: a fifth of the picture's longer side
_LEAST_SHARE = 0.25  # a map whose maximum is lower finds nothing
_CUT, _CUT_OF_FAINT = 0.5, 0.6  # threshold of a map; and of a map with a lower maximum, as a share of it
_SMALL_PIECE = 0.2  # as a share of the largest piece's area; smaller pieces of a map are dropped
_ROUGH_IOU = 0.6  # in place of the predicted IoU of a rough mask, which SAM did not make
_SURE_LOGIT = 10.0
_LEAST = 1e-3  # in place of an agreement of zero, so that the other factors still decide
_MASKS_AT_ONCE = 32
_PROMPTS_EXPECTED = 24  # to locate the masks of a frame that flow lost
_LINK = CELL_PX // LOGIT_PX  # pixels of the logits on a side of a cell


@dataclass(frozen=True, eq=False)
class Sighting:
    """One mask on one picture, as it is remembered.

    Attributes:
        picture: its features; masks of the same picture share them.
        share: the share of each cell that the mask covers, in [0, 1].
    """

    picture: CellFeatures
    share: Float[Tensor, " n"]


class SamLocator:
    """Locates masks on other frames."""

    def __init__(self, encoder: FrameEncoder, *, mask_threshold: float = 0.0, min_area_px: int = 0) -> None:
        """
        Args:
            encoder: the model. Share it with other users of the same frames, so that each frame is encoded once.
            mask_threshold: masks lie where the model's logits are above this.
            min_area_px: smaller masks are not found.
        """
        self._encoder, self._mask_threshold, self._min_area_px = encoder, mask_threshold, min_area_px
        self.locate_work = prompts_work(_PROMPTS_EXPECTED)
        self._batches = PromptBatches(DEFAULT_POINTS_PER_BATCH, encoder.sam.device)

    def sightings(self, frame: Frame, masks: Rles) -> list[Sighting]:
        """What to remember of masks on a frame to locate them on others.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            scene = _Scene.of(self._encoder, frame)
            shares = scene.shares(scene.quarter(masks))
        return [Sighting(scene.cells, share) for share in shares]

    def locate(
        self, frame: Frame, memories: Sequence[Sequence[Sighting]], propagated: Rles, support: Float32[np.ndarray, " m"]
    ) -> Located:
        """The m masks on this frame; a mask that neither witness finds is empty.

        Args:
            frame: at least 32 pixels a side.
            memories: the sightings of each mask. The search radius grows with the distance in frames.
            propagated: each mask as flow propagated it; empty where flow lost it.
            support: of each propagated mask, in [0, 1].

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            scene = _Scene.of(self._encoder, frame)
            targets = _Targets(scene, memories, propagated, support)
            found = [
                one
                for batch in self._batches.run(len(memories), lambda rows: self._located(scene, targets, rows))
                for one in batch
            ]
        return Located(
            rles=Rles.concatenate(frame.size, [one.rles for one in found]),
            predicted_iou=np.array([one.predicted_iou for one in found], np.float32).clip(0, 1),
            support=np.array([one.support for one in found], np.float32).clip(0, 1),
        )

    def _located(self, scene: "_Scene", targets: "_Targets", rows: slice) -> "list[_Found]":
        with self._encoder.precision:
            return [self._best(scene, targets, row) for row in range(len(targets.memories))[rows]]

    def _best(self, scene: "_Scene", targets: "_Targets", row: int) -> "_Found":
        """The best candidate for one mask."""
        share_map, flow = targets.map(row), targets.flow(row)
        if share_map is None and flow is None:
            return _Found(targets.nothing, 0.0, 0.0)
        candidates = _Candidates.drawn(scene, share_map, flow)
        back = targets.agreement_back(row, scene.shares(candidates.masks))
        weight = 1.0 if share_map is None else float(targets.support[row]) if flow is not None else 0.0
        score = back.clamp(min=_LEAST) * candidates.predicted_iou.clamp(min=0) ** 2
        agreement = torch.zeros_like(back)
        for witness, power in ((share_map, 1 - weight), (flow, weight)):
            if witness is not None:
                iou = _soft_iou(candidates.masks.flatten(1), witness.flatten())
                score = score * iou.clamp(min=_LEAST) ** power
                agreement = torch.maximum(agreement, iou)
        best = int(score.argmax())
        if candidates.is_flow(best):
            rles = targets.propagated.take([row])
        else:
            rles = scene.enlarging.masks(candidates.logits[best : best + 1] - self._mask_threshold)
        if rles.area_px()[0] < self._min_area_px:
            return _Found(targets.nothing, 0.0, 0.0)
        return _Found(rles, float(candidates.predicted_iou[best]), float(agreement[best] * back[best]))


@dataclass(frozen=True)
class _Found:
    """One located mask; see Located."""

    rles: Rles
    predicted_iou: float
    support: float


class _Scene:
    """An encoded frame on which masks are located. Masks are compared at the decoder's scale."""

    def __init__(self, encoder: FrameEncoder, embedding: Tensor, framing: Framing, frame: int) -> None:
        self.framing, self.device = framing, encoder.sam.device
        self._encoder, self._embedding = encoder, embedding
        self.cells = CellFeatures.of(frame, embedding, framing)
        self.size = tuple(-(-px // LOGIT_PX) for px in framing.input_size)
        self.side = framing.side_px // LOGIT_PX

    @classmethod
    def of(cls, encoder: FrameEncoder, frame: Frame) -> "_Scene":
        check_large_enough(frame)
        framing = Framing(frame.size, encoder.sam.image_encoder.img_size)
        return cls(encoder, encoder.encoding(frame, framing), framing, frame.index)

    def prepare(self) -> None:
        """Compute what all masks share, before they are located side by side."""
        self.decoding = self._encoder.decoding(self._embedding, self.framing)
        self.enlarging = Enlarging(self.framing, self.decoding.logits_size, self.device)

    @in_one_thread
    def quarter(self, masks: Rles) -> Float[Tensor, "m y x"]:
        """Masks at the decoder's scale: the share of each pixel that is mask."""
        small = [torch.zeros((0, *self.size), device=self.device)]
        for at in range(0, len(masks), _MASKS_AT_ONCE):
            full = torch.from_numpy(masks.take(np.arange(at, min(at + _MASKS_AT_ONCE, len(masks)))).to_masks())
            resized = F.interpolate(full[:, None].to(self.device).float(), self.framing.input_size)
            small.append(F.avg_pool2d(self._padded_to(resized, LOGIT_PX), LOGIT_PX)[:, 0])
        return torch.cat(small)

    def shares(self, quarter: Float[Tensor, "m y x"]) -> Float[Tensor, "m n"]:
        """The share of each of the picture's cells that masks cover."""
        return F.avg_pool2d(self._padded_to(quarter[:, None], _LINK), _LINK).flatten(1)

    def enlarged(self, cells: Float[Tensor, " n"]) -> Float[Tensor, "y x"]:
        """A map of cells at the decoder's scale."""
        on_grid = cells.unflatten(0, self.cells.grid)[None, None]
        rows, columns = self.size
        return F.interpolate(on_grid, scale_factor=_LINK, mode="bilinear")[0, 0, :rows, :columns]

    def prompt(
        self, mask: Bool[np.ndarray, "y x"], point: tuple[int, int] | None
    ) -> tuple[Float[Tensor, "4 v u"], Float[Tensor, " 4"]]:
        """SAM's four outputs for a mask, its box and a (row, column) inside, if given: logits and predicted IoU."""
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = torch.tensor([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], device=self.device) * LOGIT_PX
        rough = torch.full((1, 1, self.side, self.side), -_SURE_LOGIT, device=self.device)
        rough[..., : mask.shape[0], : mask.shape[1]][..., torch.from_numpy(mask).to(self.device)] = _SURE_LOGIT
        points = None
        if point is not None:
            xy = torch.tensor([[point[::-1]]], device=self.device) * LOGIT_PX + LOGIT_PX / 2
            points = xy, torch.ones((1, 1), dtype=torch.int, device=self.device)
        outputs = self.decoding.prompted(points=points, boxes_xyxy=box.float(), logits=rough)
        check_finite(outputs.predicted_iou)
        logits = self.decoding.draw(outputs, torch.zeros(1, dtype=torch.long, device=self.device))[0].float()
        check_finite(logits)
        return logits, outputs.predicted_iou[0].float()

    @staticmethod
    def _padded_to(images: Float[Tensor, "m 1 y x"], multiple: int) -> Float[Tensor, "m 1 v u"]:
        height, width = images.shape[-2:]
        return F.pad(images, (0, -width % multiple, 0, -height % multiple))


class _Targets:
    """The masks to locate, with their flow and their maps of features."""

    def __init__(
        self,
        scene: _Scene,
        memories: Sequence[Sequence[Sighting]],
        propagated: Rles,
        support: Float32[np.ndarray, " m"],
    ) -> None:
        self.memories, self.propagated, self.support = memories, propagated, support
        self.nothing = Rles.blank(propagated.size)
        scene.prepare()
        self._scene, self._flow = scene, scene.quarter(propagated)
        pictures = list(dict.fromkeys(sighting.picture for memory in memories for sighting in memory))
        self._affinity = Affinity(scene.cells, pictures)
        self._maps = self._all_maps()
        for memory in memories:  # computed before there are threads
            for sighting in memory:
                self._affinity.back(sighting.picture, self._reach(sighting), sighting.share[:, None])

    def map(self, row: int) -> Float[Tensor, "y x"] | None:
        """The map of a mask by features, at the decoder's scale; None if they do not find it."""
        cells = self._maps[row]
        if cells is None or float(cells.max()) < _LEAST_SHARE:
            return None
        return self._scene.enlarged(cells)

    def flow(self, row: int) -> Float[Tensor, "y x"] | None:
        """The mask as flow propagated it, at the decoder's scale; None if flow lost it."""
        flow = self._flow[row]
        return flow if bool((flow > _CUT).any()) else None

    def agreement_back(self, row: int, shares: Float[Tensor, "k n"]) -> Float[Tensor, " k"]:
        """Mean IoU of candidates with the mask in the remembered pictures; 1 without memories."""
        agreements = [
            _soft_iou(self._affinity.back(seen.picture, self._reach(seen), shares.T).T, seen.share)
            for seen in self.memories[row]
        ]
        return torch.stack(agreements).mean(dim=0) if agreements else shares.new_ones(len(shares))

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
        return _REACH_CELLS * -(-abs(self._scene.cells.frame - seen.picture.frame) // _REACH_FRAMES)


@dataclass(frozen=True)
class _Candidates:
    """Masks that may be the one to locate.

    Attributes:
        logits: at the decoder's scale, above 0 where mask; they reach a little beyond the picture.
        masks: the same as 0 and 1, within the picture.
        predicted_iou: SAM's estimate, or what replaces it for a rough mask.
        has_flow: whether the last candidate is the mask as flow propagated it.
    """

    logits: Float[Tensor, "k v u"]
    masks: Float[Tensor, "k y x"]
    predicted_iou: Float[Tensor, " k"]
    has_flow: bool

    @classmethod
    def drawn(cls, scene: _Scene, share_map: Tensor | None, flow: Tensor | None) -> "_Candidates":
        """SAM's outputs for both witnesses, and the rough masks."""
        outputs, rough = [], []
        if share_map is not None:
            coarse, innermost = _cut(share_map)
            outputs += [scene.prompt(coarse, innermost), scene.prompt(coarse, None)]
            rough.append(torch.from_numpy(coarse).to(scene.device))
        if flow is not None:
            outputs.append(scene.prompt((flow > _CUT).cpu().numpy(), None))
            rough.append(flow > _CUT)
        height, width = scene.decoding.logits_size
        drawn = torch.full((len(rough), height, width), -1.0, device=scene.device)
        for at, mask in enumerate(rough):
            drawn[at, : mask.shape[0], : mask.shape[1]] = mask.float() * 2 - 1
        logits = torch.cat([*(logits for logits, _ in outputs), drawn])
        predicted_iou = torch.cat(
            [*(predicted_iou for _, predicted_iou in outputs), torch.full((len(rough),), _ROUGH_IOU)]
        )
        rows, columns = scene.size
        return cls(logits, (logits[:, :rows, :columns] > 0).float(), predicted_iou.to(scene.device), flow is not None)

    def is_flow(self, row: int) -> bool:
        """Whether a candidate is the mask as flow propagated it."""
        return self.has_flow and row == len(self.predicted_iou) - 1


def _cut(share_map: Float[Tensor, "y x"]) -> tuple[Bool[np.ndarray, "y x"], tuple[int, int]]:
    """The map as a mask without small pieces, and the (row, column) furthest from the border of its largest piece."""
    shares = share_map.cpu().numpy()
    inside = shares > (_CUT if shares.max() > _CUT else _CUT_OF_FAINT * shares.max())
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = 1 + np.flatnonzero(areas >= _SMALL_PIECE * areas.max())
    largest = (pieces == 1 + int(areas.argmax())).astype(np.uint8)
    depth = cv2.distanceTransform(np.pad(largest, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return np.isin(pieces, kept), (int(row), int(column))


def _soft_iou(masks: Float[Tensor, "k n"], other: Float[Tensor, " n"]) -> Float[Tensor, " k"]:
    """Sum of the smaller over sum of the larger shares, cell by cell; for masks of 0 and 1 it is their IoU."""
    smaller, larger = torch.minimum(masks, other), torch.maximum(masks, other)
    return smaller.sum(dim=1) / larger.sum(dim=1).clamp(min=_LEAST)
