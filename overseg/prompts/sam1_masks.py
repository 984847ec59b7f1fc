"""Masks of prompted objects by a Segment Anything model, for propagators that take masks alone."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from overseg.data.frame import Frame
from overseg.data.prompts import NO_POINT, ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.generate.batching import Batching
from overseg.generate.candidates import Thresholds
from overseg.generate.decode import FIRST_SAM_OUTPUT, MaskDecoding
from overseg.generate.encoding import Framing, mask_to_logits
from overseg.generate.enlarging import Enlarging
from overseg.generate.frame_encoder import FrameEncoder, check_finite
from overseg.generate.options import DEFAULT_POINTS_PER_BATCH
from overseg.generate.prompting import PromptedFrame, check_large_enough

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_FLOORS = Thresholds(0.6, 0.7)  # below them an answer is no better than what was propagated
_LEAST_AGREEMENT = 0.6  # IoU of what was propagated and the answer
_STABILITY_SAMPLES = 200
_LOGIT_BOUND = 32.0  # SAM 2's, of masks that come back as prompts


class Sam1Masks:
    """Points, boxes and masks on a frame as masks, as segment_anything's predictor makes them.

    A single point may mean three things, and of SAM's three masks the one that it trusts most is taken; anything more
    gets the mask that it draws for prompts that leave no doubt.
    """

    def __init__(self, sam: "Sam", *, mask_threshold: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        """
        Args:
            sam: the model, in evaluation mode, on the device where it is to run.
            mask_threshold: masks lie where the model's logits are above this.
            dtype: type in which the model computes, where that is safe.
        """
        self._encoder, self._mask_threshold = FrameEncoder(sam, dtype=dtype), mask_threshold
        self._batching = Batching(DEFAULT_POINTS_PER_BATCH, sam.device)
        self._latest: _Picture | None = None

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        """One mask for each object that has a row, in the order of the first rows; given masks as they are.

        Args:
            frame: at least 32 pixels a side, where anything but masks is given.
            prompts: all of them on this frame, and checked.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        objects = list(dict.fromkeys(prompts.object.tolist()))
        with torch.inference_mode(), self._encoder.precision:
            picture = self._picture(frame)
            found = [self._mask(picture, prompts.take(prompts.object == one)) for one in objects]
        return ObjectMasks(
            rles=Rles.concatenate(frame.size, (rles for rles, _ in found)),
            object=np.array(objects, np.int32),
            frame=np.full(len(objects), frame.index, np.int32),
            score=np.array([score for _, score in found], np.float32).clip(0, 1),
        )

    def _picture(self, frame: Frame) -> "_Picture":
        """The frame as a picture that answers; the one that answered last need not be encoded again."""
        if self._latest is None or self._latest.frame.rgb is not frame.rgb:
            self._latest = _Picture(self._encoder, frame)
        return self._latest

    def refreshed(self, frame: Frame, propagated: ObjectMasks) -> ObjectMasks:
        """The same objects as the model sees them, each asked for with its box and its mask; see `stages.PromptMasks`.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            asked = PromptedFrame(
                self._encoder,
                frame,
                batching=self._batching,
                floors=_FLOORS,
                stability_samples=_STABILITY_SAMPLES,
            )
            seen = np.flatnonzero(propagated.rles.area_px() > 0)
            found = asked.ask_propagated(propagated.rles.take(seen).to_masks(), _LEAST_AGREEMENT)
            anew = asked.masks(found.candidates.logits - self._mask_threshold)
        there = np.flatnonzero(anew.area_px() > 0)
        rows, score = seen[found.prompt[there]], propagated.score.copy()
        score[rows] = found.candidates.predicted_iou[there]
        return replace(propagated, rles=propagated.rles.with_rows(rows, anew.take(there)), score=score.clip(0, 1))

    def _mask(self, picture: "_Picture", rows: Prompts) -> tuple[Rles, float]:
        """What comes of all rows for one object, and how good the model thinks it is."""
        mask, score, first = rows.rles.take([0]), 1.0, 0
        before: Tensor | None = None
        for row in range(len(rows)):
            first = first if rows.adds[row] else row
            if rows.has_mask[row]:
                mask, score = rows.rles.take([row]), 1.0
                before = picture.as_logits(mask) if not rows.has_mask.all() else None
                continue
            before, score = picture.ask(rows.take(np.arange(first, row + 1)), before)
            mask = picture.enlarging.masks(before - self._mask_threshold)
        return mask, score


class _Picture:
    """A frame that answers prompts; encoded when the first one comes."""

    def __init__(self, encoder: FrameEncoder, frame: Frame) -> None:
        self._encoder, self._sam, self.frame = encoder, encoder.sam, frame
        self._framing = Framing(frame.size, encoder.sam.image_encoder.img_size)

    @cached_property
    def enlarging(self) -> Enlarging:
        return Enlarging(self._framing, self._decoding.logits_size, self._sam.device)

    def as_logits(self, mask: Rles) -> Tensor:
        """A mask as if the model had drawn it, [1, y, x]."""
        return mask_to_logits(torch.from_numpy(mask.to_masks()).to(self._sam.device), self._framing)[1][0]

    def ask(self, rows: Prompts, before: Tensor | None) -> tuple[Tensor, float]:
        """Logits [1, y, x] for all points of these rows and the box of the first, and the model's own estimate.

        Args:
            rows: for one object, none of them a mask.
            before: logits of what is known of it so far.
        """
        device, scale_xy = self._sam.device, torch.tensor(self._framing.scale_xy)
        given = rows.point_label != NO_POINT
        xy = (torch.from_numpy(rows.point_xy[given])[None] * scale_xy).float().to(device)
        labels = torch.from_numpy(rows.point_label[given].astype(np.int32))[None].to(device)
        boxes = (torch.from_numpy(rows.box_xyxy[:1]) * scale_xy.repeat(2)).float().to(device)
        answers = self._decoding.prompted(
            points=(xy, labels) if labels.numel() else None,
            boxes_xyxy=boxes if rows.has_box[0] else None,
            logits=None if before is None else self._padded(before),
        )
        check_finite(answers.predicted_iou)
        logits = self._decoding.draw(answers, torch.zeros(1, dtype=torch.long, device=device)).float()[0]
        check_finite(logits)
        output = 0
        if labels.numel() == 1 and not rows.has_box[0] and before is None:
            output = FIRST_SAM_OUTPUT + int(answers.predicted_iou[0, FIRST_SAM_OUTPUT:].argmax())
        return logits[output : output + 1], float(answers.predicted_iou[0, output])

    @cached_property
    def _decoding(self) -> MaskDecoding:
        check_large_enough(self.frame)
        embedding = self._encoder.encoding(self.frame, self._framing)
        return MaskDecoding(self._sam, embedding, input_size=self._framing.input_size)

    def _padded(self, logits: Tensor) -> Tensor:
        """Logits of the decoder's whole square [1, 1, y, x], of those that leave out padding."""
        side = self._sam.prompt_encoder.mask_input_size[0]
        height, width = logits.shape[-2:]
        padded = torch.nn.functional.pad(logits, (0, side - width, 0, side - height), value=-_LOGIT_BOUND)
        return padded.clamp(-_LOGIT_BOUND, _LOGIT_BOUND)[None]
