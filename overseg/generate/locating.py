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

from overseg.data.frame import Frame
from overseg.data.located import Located
from overseg.data.rles import Rles
from overseg.generate.affinity import CELL_PX
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.locating_scene import LocatingScene
from overseg.generate.prompt_batches import DEFAULT_POINTS_PER_BATCH, PromptBatches
from overseg.generate.transfers import LEAST, Sighting, Transfers, soft_iou

_LEAST_SHARE = 0.25  # a map whose maximum is lower finds nothing
_CUT, _CUT_OF_FAINT = 0.5, 0.6  # threshold of a map; and of a map with a lower maximum, as a share of it
_SMALL_PIECE = 0.2  # as a share of the largest piece's area; smaller pieces of a map are dropped
_ROUGH_IOU = 0.6  # in place of the predicted IoU of a rough mask, which SAM did not make
_LEAST_CELLS = 8  # of 42 smaller masks on four clips, two were located with a support of half or more
_PROMPTS_EXPECTED = 24  # to locate the masks of a frame that flow lost


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
        self.locate_work = _PROMPTS_EXPECTED * encoder.model.work.prompt
        self._batches = PromptBatches(DEFAULT_POINTS_PER_BATCH, encoder.device)

    def least_area_px(self, size: tuple[int, int]) -> float:
        """The area, in pixels, under which masks are hardly ever located; see `stages.MaskLocator`."""
        return _LEAST_CELLS * (CELL_PX * max(size) / self._encoder.model.side_px) ** 2

    def sightings(self, frame: Frame, masks: Rles) -> list[Sighting]:
        """What to remember of masks on a frame to locate them on others.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            scene = LocatingScene.of(self._encoder, frame)
            shares = scene.shares_of(masks)
        return [Sighting(scene.cells, share) for share in shares]

    def similarities(
        self, frame: Frame, memories: Sequence[Sequence[Sighting]], masks: Rles
    ) -> Float32[np.ndarray, "m k"]:
        """The similarity of remembered masks and masks on this frame, by features alone; see `stages.MaskLocator`.

        Args:
            frame: at least 32 pixels a side.
            memories: the sightings of each remembered mask.
            masks: masks on this frame.

        Raises:
            InputError: the frame is too small.
            WeightsError: the model's output is not finite.
        """
        if not len(memories) or not len(masks):
            return np.zeros((len(memories), len(masks)), np.float32)
        with torch.inference_mode():
            scene = LocatingScene.of(self._encoder, frame)
            shares = scene.shares_of(masks)
            return Transfers(scene, memories).similarities(shares).cpu().numpy()

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
            scene = LocatingScene.of(self._encoder, frame)
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

    def _located(self, scene: LocatingScene, targets: "_Targets", rows: slice) -> "list[_Found]":
        with self._encoder.precision:
            return [self._best(scene, targets, row) for row in range(len(targets))[rows]]

    def _best(self, scene: LocatingScene, targets: "_Targets", row: int) -> "_Found":
        """The best candidate for one mask."""
        share_map, flow = targets.map(row), targets.flow(row)
        if share_map is None and flow is None:
            return _Found(targets.nothing, 0.0, 0.0)
        candidates = _Candidates.drawn(scene, share_map, flow)
        back = targets.agreement_back(row, scene.shares(candidates.masks))
        weight = 1.0 if share_map is None else float(targets.support[row]) if flow is not None else 0.0
        score = back.clamp(min=LEAST) * candidates.predicted_iou.clamp(min=0) ** 2
        agreement = torch.zeros_like(back)
        for witness, power in ((share_map, 1 - weight), (flow, weight)):
            if witness is not None:
                iou = soft_iou(candidates.masks.flatten(1), witness.flatten())
                score = score * iou.clamp(min=LEAST) ** power
                agreement = torch.maximum(agreement, iou)
        best = int(score.argmax())
        if candidates.is_flow(best):
            rles = targets.propagated.take([row])
        else:
            rles = scene.enlarging.masks(candidates.logits[best : best + 1] - self._mask_threshold)
        if rles.area_px()[0] < self._min_area_px:
            return _Found(targets.nothing, 0.0, 0.0)
        return _Found(rles, float(candidates.predicted_iou[best]), float((agreement[best] * back[best]).sqrt()))


@dataclass(frozen=True)
class _Found:
    """One located mask; see Located."""

    rles: Rles
    predicted_iou: float
    support: float


class _Targets:
    """The masks to locate, with their flow and their maps of features."""

    def __init__(
        self,
        scene: LocatingScene,
        memories: Sequence[Sequence[Sighting]],
        propagated: Rles,
        support: Float32[np.ndarray, " m"],
    ) -> None:
        self.propagated, self.support = propagated, support
        self.nothing = Rles.blank(propagated.size)
        scene.prepare()
        self._scene, self._flow = scene, scene.quarter(propagated)
        self._transfers = Transfers(scene, memories)

    def __len__(self) -> int:
        return len(self.support)

    def map(self, row: int) -> Float[Tensor, "y x"] | None:
        """The map of a mask by features, at the decoder's scale; None if they do not find it."""
        cells = self._transfers.maps[row]
        if cells is None or float(cells.max()) < _LEAST_SHARE:
            return None
        return self._scene.enlarged(cells)

    def flow(self, row: int) -> Float[Tensor, "y x"] | None:
        """The mask as flow propagated it, at the decoder's scale; None if flow lost it."""
        flow = self._flow[row]
        return flow if bool((flow > _CUT).any()) else None

    def agreement_back(self, row: int, shares: Float[Tensor, "k n"]) -> Float[Tensor, " k"]:
        """Mean IoU of candidates with the mask in the remembered pictures; 1 without memories."""
        return self._transfers.agreement_back(row, shares)


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
    def drawn(cls, scene: LocatingScene, share_map: Tensor | None, flow: Tensor | None) -> "_Candidates":
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
