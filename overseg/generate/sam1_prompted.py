"""Masks of prompted objects on one frame, by a first-generation Segment Anything model."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from overseg.data.frame import Frame
from overseg.data.prompts import NO_POINT, ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.generate.decode import FIRST_SAM_OUTPUT
from overseg.generate.encoding import LOGIT_PX, mask_to_logits
from overseg.generate.enlarging import Enlarging
from overseg.generate.frame_encoder import FrameEncoder, check_finite
from overseg.generate.picture_model import Decoding
from overseg.generate.prompting import check_large_enough

_LOGIT_BOUND = 32.0  # SAM 2's bound of logits that are used as a prompt again


class Sam1PromptMasks:
    """Masks of points, boxes and masks on a frame, as segment_anything's predictor makes them.

    They are the predictor's up to rounding if the encoder is `exact`, and nearly so otherwise.

    A single point is ambiguous: it gets the output of highest predicted IoU among subpart, part and whole. Other
    prompts get output 0, which is for unambiguous prompts.
    """

    def __init__(
        self,
        encoder: FrameEncoder,
        *,
        mask_threshold: float = 0.0,
        fits_boxes: bool = False,
    ) -> None:
        """
        Args:
            encoder: the model. Share it with other users of the same frames, so that each frame is encoded once.
            mask_threshold: masks lie where the model's logits are above this.
            fits_boxes: whether a box alone gets the output with the largest predicted IoU squared times IoU of the
                mask's own box and the given one. Otherwise it gets output 0, as in segment_anything's predictor.
        """
        self._encoder, self._mask_threshold, self._fits_boxes = encoder, mask_threshold, fits_boxes
        self._latest: _Picture | None = None

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        """One mask for each object that has a row, in the order of the first rows; given masks are returned unchanged.

        Args:
            frame: at least 32 pixels a side, where anything but masks is given.
            prompts: all on this frame, and checked by `Prompts.check`.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        objects = list(dict.fromkeys(prompts.object.tolist()))
        with torch.inference_mode():
            picture = self._picture(frame)
            found = [self._mask(picture, prompts.take(prompts.object == one)) for one in objects]
        return ObjectMasks(
            rles=Rles.concatenate(frame.size, (rles for rles, _ in found)),
            object=np.array(objects, np.int32),
            frame=np.full(len(objects), frame.index, np.int32),
            score=np.array([score for _, score in found], np.float32).clip(0, 1),
        )

    def _picture(self, frame: Frame) -> "_Picture":
        """The encoded frame; the latest one is kept."""
        if self._latest is None or self._latest.frame.rgb is not frame.rgb:
            self._latest = _Picture(self._encoder, frame)
        return self._latest

    def _mask(self, picture: "_Picture", rows: Prompts) -> tuple[Rles, float]:
        """The mask of all rows for one object, and its predicted IoU."""
        mask, score, first = rows.rles.take([0]), 1.0, 0
        before: Tensor | None = None
        for row in range(len(rows)):
            first = first if rows.adds[row] else row
            if rows.has_mask[row]:
                mask, score = rows.rles.take([row]), 1.0
                before = picture.as_logits(mask) if not rows.has_mask.all() else None
                continue
            before, score = picture.prompt(rows.take(np.arange(first, row + 1)), before, fits_box=self._fits_boxes)
            mask = picture.enlarging.masks(before - self._mask_threshold)
        return mask, score


class _Picture:
    """A frame to prompt. It is encoded at the first prompt."""

    def __init__(self, encoder: FrameEncoder, frame: Frame) -> None:
        self._encoder, self.frame = encoder, frame
        self._framing = encoder.model.framing(frame.size)

    @cached_property
    def enlarging(self) -> Enlarging:
        return Enlarging(self._framing, self._decoding.logits_size, self._encoder.device)

    def as_logits(self, mask: Rles) -> Tensor:
        """A mask as logits of the decoder's scale, [1, y, x]."""
        return mask_to_logits(torch.from_numpy(mask.to_masks()).to(self._encoder.device), self._framing)[1][0]

    def prompt(self, rows: Prompts, before: Tensor | None, *, fits_box: bool) -> tuple[Tensor, float]:
        """Logits [1, y, x] for all points of these rows and the box of the first, and their predicted IoU.

        Args:
            rows: for one object, none of them a mask.
            before: logits of the object's mask so far.
            fits_box: as `fits_boxes` of Sam1PromptMasks.
        """
        device, scale_xy = self._encoder.device, torch.tensor(self._framing.scale_xy)
        given = rows.point_label != NO_POINT
        xy = (torch.from_numpy(rows.point_xy[given])[None] * scale_xy).float().to(device)
        labels = torch.from_numpy(rows.point_label[given].astype(np.int32))[None].to(device)
        boxes = (torch.from_numpy(rows.box_xyxy[:1]) * scale_xy.repeat(2)).float().to(device)
        decoding = self._decoding
        with self._encoder.precision:
            output = decoding.prompted(
                points=(xy, labels) if labels.numel() else None,
                boxes_xyxy=boxes if rows.has_box[0] else None,
                logits=None if before is None else self._padded(before),
            )
            logits = decoding.draw(output, torch.zeros(1, dtype=torch.long, device=device)).float()[0]
        check_finite(output.predicted_iou)
        check_finite(logits)
        chosen = 0
        if labels.numel() == 1 and not rows.has_box[0] and before is None:
            chosen = FIRST_SAM_OUTPUT + int(output.predicted_iou[0, FIRST_SAM_OUTPUT:].argmax())
        elif fits_box and labels.numel() == 0 and before is None:
            chosen = int((output.predicted_iou[0] ** 2 * self._fit(logits, rows.box_xyxy[0])).argmax())
        return logits[chosen : chosen + 1], float(output.predicted_iou[0, chosen])

    def _fit(self, logits: Tensor, box_xyxy: np.ndarray) -> Tensor:
        """IoU of the box around each output's mask and the given box."""
        x, y, width, height = self.enlarging.masks(logits).boxes_xywh().T
        x1, y1, x2, y2 = box_xyxy.astype(np.float64)
        both_x = (np.minimum(x + width, x2) - np.maximum(x, x1)).clip(min=0)
        both_y = (np.minimum(y + height, y2) - np.maximum(y, y1)).clip(min=0)
        both = both_x * both_y
        either = width * height + (x2 - x1) * (y2 - y1) - both
        return torch.from_numpy(both / either).to(logits)

    @cached_property
    def _decoding(self) -> Decoding:
        check_large_enough(self.frame)
        return self._encoder.decoding(self._encoder.encoding(self.frame, self._framing), self._framing)

    def _padded(self, logits: Tensor) -> Tensor:
        """Logits on the decoder's whole square [1, 1, y, x], from those without padding."""
        side = self._framing.side_px // LOGIT_PX
        height, width = logits.shape[-2:]
        padded = torch.nn.functional.pad(logits, (0, side - width, 0, side - height), value=-_LOGIT_BOUND)
        return padded.clamp(-_LOGIT_BOUND, _LOGIT_BOUND)[None]
