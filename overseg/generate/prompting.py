"""One encoded picture that is prompted for candidate masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor
from torch.nn import functional as F

from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks, sam_outputs_of
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.appearance import Appearance
from overseg.generate.candidates import SAME_IOU, Candidates, Thresholds, mask_iou
from overseg.generate.decode import FIRST_SAM_OUTPUT
from overseg.generate.encoding import LOGIT_PX, mask_to_logits
from overseg.generate.enlarging import Enlarging
from overseg.generate.frame_encoder import FrameEncoder, check_finite
from overseg.generate.picture_model import Decoded
from overseg.generate.prompt_batches import PromptBatches

MIN_SIDE_PX = 32


@dataclass(frozen=True)
class PointMasks:
    """The masks of a batch of point prompts.

    Attributes:
        candidates: the masks that reach the floors.
        prompt: row number in the batch of each candidate's point.
        similarity: of each place to each point: the lowest logit at the place over the point's three masks, each as a
            share of the logit at the point itself. Near 1, a prompt at the place most likely gives the same masks.
    """

    candidates: Candidates
    prompt: Int[np.ndarray, " n"]
    similarity: Float[np.ndarray, "b places"]


@dataclass(frozen=True)
class RefinedCandidates:
    """The model's masks for propagated masks as prompts.

    Attributes:
        candidates: the masks that agree with their prompts and reach the floors.
        prompt: row number of the propagated mask that each was prompted with, ascending.
    """

    candidates: Candidates
    prompt: Int[np.ndarray, " n"]


class PromptedFrame:
    """An encoded frame to prompt. Prompts are in pixels of the frame, x to the right, y down."""

    def __init__(
        self,
        encoder: FrameEncoder,
        frame: Frame,
        *,
        batching: PromptBatches,
        floors: Thresholds,
        stability_samples: int | None,
    ) -> None:
        """Encode the frame.

        Args:
            encoder: the model.
            frame: at least 32 pixels a side.
            batching: how many prompts are decoded at once.
            floors: masks below these are dropped.
            stability_samples: rows and columns of a mask that are counted for its stability score; None for all.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the encoder's output is not finite.
        """
        check_large_enough(frame)
        self.framing = encoder.model.framing(frame.size)
        self._device, self._precision, self._exact = encoder.device, encoder.precision, encoder.exact
        self._batching, self._floors = batching, floors
        self._encoding = encoder.encoding(frame, self.framing)
        self._decoding = encoder.decoding(self._encoding, self.framing)
        self._enlarging = Enlarging(self.framing, self._decoding.logits_size, self._device)
        self._stability_samples = stability_samples

    @property
    def no_candidates(self) -> Candidates:
        """An empty table."""
        logits = torch.zeros((0, *self._decoding.logits_size), device=self._device)
        return self._candidates(logits, torch.zeros(0), np.zeros((0, 2)), np.zeros(0))

    @cached_property
    def _appearance(self) -> Appearance:
        return Appearance(self._encoding.embedding, self.framing)

    @property
    def size_xy(self) -> Float[np.ndarray, " 2"]:
        """(width, height) of the frame."""
        return np.array(self.framing.size[::-1], dtype=np.float64)

    @property
    def logit_px_xy(self) -> Float[np.ndarray, " 2"]:
        """Width and height of a pixel of the logits, in pixels of the frame."""
        return LOGIT_PX / np.array(self.framing.scale_xy)

    @property
    def picture(self) -> Bool[np.ndarray, "y x"]:
        """Where the logits are of the frame, and not of padding."""
        shown = np.zeros(self._decoding.logits_size, dtype=bool)
        height, width = (ceil(px / LOGIT_PX) for px in self.framing.input_size)
        shown[:height, :width] = True
        return shown

    def enlarge(self, candidates: Candidates) -> KeyframeMasks:
        """The candidates at the frame's own size."""
        return KeyframeMasks(
            rles=self.masks(candidates.logits),
            predicted_iou=candidates.predicted_iou,
            stability_score=candidates.stability_score,
            sam_output=candidates.sam_output,
            sam_outputs=candidates.sam_outputs,
            point_xy=candidates.point_xy,
            appearance=self._appearance.appearances(candidates.logits),
        )

    def masks(self, logits: Float[Tensor, "n y x"]) -> Rles:
        """The masks of logits, where they are above 0, at the frame's own size."""
        return self._enlarging.masks(logits)

    def stability_score(self, logits: Float[Tensor, "n y x"]) -> Float32[np.ndarray, " n"]:
        """The stability scores of masks on this frame; see `Enlarging.stability_score`."""
        return self._enlarging.stability_score(logits, max_samples=self._stability_samples)

    def surely_inside(
        self, masks: Candidates, places_xy: Float[np.ndarray, "places 2"], min_share: float
    ) -> Int[np.ndarray, " places"]:
        """The number of masks whose logit at a place is more than `min_share` of their mean logit inside."""
        inside = masks.logits.clamp(min=0)
        mean = inside.sum(dim=(1, 2)) / (inside > 0).sum(dim=(1, 2)).clamp(min=1)
        rows, columns = self._logit_index(places_xy)
        return (masks.logits[:, rows, columns] > min_share * mean[:, None]).sum(dim=0).cpu().numpy()

    def prompt_points(
        self, points_xy: Float[np.ndarray, "k 2"], places_xy: Float[np.ndarray, "places 2"]
    ) -> Iterator[PointMasks]:
        """Prompt the model with single points, batch by batch. Each gives up to three masks, one for each SAM output.

        Args:
            points_xy: the points.
            places_xy: places whose similarity to the points is returned.
        """
        places = self._logit_index(places_xy)
        return self._batching.run(len(points_xy), lambda batch: self._prompt_points(points_xy[batch], places))

    def prompt_masks(self, propagated: Bool[np.ndarray, "k h w"], min_agreement: float) -> RefinedCandidates:
        """Prompt the model with masks that were propagated onto this frame: with the box and the logits of each.

        None of the masks may be empty. Of the four outputs for a prompt, the one with the best agreement x predicted
        IoU is used, if its IoU with the prompt is at least `min_agreement`. It is averaged with the outputs that are
        nearly the same. Its SAM output is -1, because for a box the outputs are not subpart, part and whole.
        """
        found = list(
            self._batching.run(len(propagated), lambda batch: self._prompt_masks(propagated[batch], min_agreement))
        )
        agrees = np.concatenate([np.zeros(0, bool), *(agrees for _, agrees in found)])
        candidates = Candidates.concatenate([self.no_candidates, *(candidates for candidates, _ in found)])
        return RefinedCandidates(candidates, np.flatnonzero(agrees))

    def _prompt_points(self, points_xy: np.ndarray, places: Int[Tensor, "2 places"]) -> PointMasks:
        scaled = self._on_device(torch.from_numpy(points_xy * self.framing.scale_xy).float())
        with self._precision:
            output = self._decoding.points(scaled)
        # From here on the host decides, so that it waits for the device once, and not at each decision.
        predicted_iou = output.predicted_iou[:, FIRST_SAM_OUTPUT:].float().cpu()
        check_finite(predicted_iou)
        similarity = np.full((len(points_xy), places.shape[1]), -np.inf)
        is_likely = predicted_iou >= self._floors.predicted_iou
        drawn = is_likely.any(dim=1).nonzero()[:, 0]
        needed = F.pad(is_likely[drawn], (FIRST_SAM_OUTPUT, 0))
        logits = self._draw(output, self._on_device(drawn), self._on_device(needed))[:, FIRST_SAM_OUTPUT:]
        similarity[drawn.numpy()] = self._similarity(logits, points_xy[drawn.numpy()], places)
        point, sam_output = is_likely[drawn].nonzero(as_tuple=True)
        prompt = drawn[point].numpy()
        candidates = self._candidates(
            logits[self._on_device(point), self._on_device(sam_output)],
            predicted_iou[drawn[point], sam_output],
            points_xy[prompt],
            sam_output.numpy(),
        )
        kept = candidates.reaching(self._floors)
        return PointMasks(candidates.take(kept), prompt[kept], similarity)

    def _similarity(self, logits: Tensor, points_xy: np.ndarray, places: Int[Tensor, "2 places"]) -> np.ndarray:
        rows, columns = self._logit_index(points_xy)
        at_points = logits[torch.arange(len(logits), device=logits.device), :, rows, columns]
        shares = logits[:, :, places[0], places[1]] / at_points.clamp(min=_SMALLEST_LOGIT)[..., None]
        return shares.amin(dim=1).cpu().numpy()

    def _prompt_masks(self, propagated: np.ndarray, min_agreement: float) -> tuple[Candidates, Bool[np.ndarray, " k"]]:
        """The candidates that agree with their prompts, and which of the propagated masks have one."""
        boxes, approximate = mask_to_logits(torch.from_numpy(propagated).to(self._device), self.framing)
        with self._precision:
            output = self._decoding.prompted(boxes_xyxy=boxes, logits=approximate)
        check_finite(output.predicted_iou)
        row = torch.arange(len(propagated), device=self._device)
        logits = self._draw(output, row, torch.ones_like(output.predicted_iou, dtype=torch.bool))
        height, width = logits.shape[-2:]
        agreement = mask_iou(logits > 0, approximate[..., :height, :width] > 0)
        best = (agreement * output.predicted_iou).argmax(dim=1)
        same = mask_iou(logits > 0, logits[row, best][:, None] > 0) >= SAME_IOU
        candidates = self._candidates(
            (logits * same[..., None, None]).sum(dim=1) / same.sum(dim=1)[:, None, None].clamp(min=1),
            output.predicted_iou[row, best],
            np.full((len(propagated), 2), np.nan),
            np.full(len(propagated), -1),
        )
        agrees = (agreement[row, best] >= min_agreement).cpu().numpy() & candidates.reaching(self._floors)
        return candidates.take(agrees), agrees

    def _on_device(self, values: Tensor) -> Tensor:
        """Few values, sent to the device without waiting for it."""
        return values.to(self._device, non_blocking=True)

    def _draw(
        self, output: Decoded, prompts: Int[Tensor, " k"], needed: Bool[Tensor, "k outputs"]
    ) -> Float[Tensor, "k outputs y x"]:
        """The logits of these prompts; details count where an output is needed."""
        with self._precision:
            if self._exact:
                logits = self._decoding.draw(output, prompts).float()
            else:
                logits = self._decoding.draw_borders(output, prompts, needed).float()
        check_finite(logits)
        return logits

    def _candidates(
        self, logits: Tensor, predicted_iou: Tensor, points_xy: np.ndarray, sam_output: np.ndarray
    ) -> Candidates:
        return Candidates(
            logits=logits,
            predicted_iou=predicted_iou.float().cpu().numpy(),
            stability_score=self.stability_score(logits),
            sam_output=sam_output.astype(np.int8),
            sam_outputs=sam_outputs_of(sam_output.astype(np.int8)),
            point_xy=points_xy.astype(np.float32),
        )

    def _logit_index(self, points_xy: Float[np.ndarray, "k 2"]) -> Int[Tensor, "2 k"]:
        index = self.framing.logit_index(points_xy, self._decoding.logits_size)
        return self._on_device(torch.from_numpy(np.ascontiguousarray(index)))


_SMALLEST_LOGIT = 0.1  # a point may lie outside its own mask; then no place is similar to it


def check_large_enough(frame: Frame) -> None:
    """Raise InputError for a frame of fewer than 32 pixels a side."""
    if min(frame.size) < MIN_SIDE_PX:
        raise InputError(
            f"expected frames of at least {MIN_SIDE_PX} pixels a side for SAM, got {frame.size[1]}x{frame.size[0]} "
            f"(frame {frame.index}); enlarge the video first, or use --generator hierarchy"
        )
