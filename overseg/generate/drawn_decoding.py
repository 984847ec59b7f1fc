"""Decoders that draw each mask as they decode it, as those of SAM 2 and SAM 3, on pictures that fill a square."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from overseg.generate.encoding import LOGIT_PX, Framing
from overseg.generate.picture_model import Encoding


@dataclass(frozen=True)
class DrawnOutput:
    """The outputs for b prompts. Output 0 is for unambiguous prompts, 1 to 3 are for points.

    Attributes:
        predicted_iou: the model's own estimate for each output.
        logits: the masks, a quarter of the framing's side high and wide.
    """

    predicted_iou: Float[Tensor, "b outputs"]
    logits: Float[Tensor, "b outputs y x"]


class DrawnPictures(ABC):
    """What is the same for all models with such decoders; see `PictureModel`. Pictures are stretched to squares."""

    side_px: int

    def framing(self, size: tuple[int, int]) -> Framing:
        """The place of a picture of (height, width) in the encoder's input."""
        return Framing(size, self.side_px, is_stretched=True)

    def decoding(self, encoding: Encoding, framing: Framing) -> "DrawnDecoding":
        """The decoder for prompts on a frame with this encoding."""
        return DrawnDecoding(self, encoding)

    @abstractmethod
    def outputs(
        self,
        encoding: Encoding,
        *,
        points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None,
        boxes_xyxy: Float[Tensor, "b 4"] | None,
        logits: Float[Tensor, "b 1 y x"] | None,
        needs_first: bool,
    ) -> DrawnOutput:
        """The four outputs for prompts in pixels of the framing; zeros for output 0 where it is not needed."""
        ...


class DrawnDecoding:
    """Decodes prompts on one encoded picture; see `picture_model.Decoding`."""

    def __init__(self, model: DrawnPictures, encoding: Encoding) -> None:
        self._model, self._encoding = model, encoding
        self.logits_size = (model.side_px // LOGIT_PX, model.side_px // LOGIT_PX)

    def points(self, points_xy: Float[Tensor, "b 2"]) -> DrawnOutput:
        """Decode single foreground points, in pixels of the framing. Output 0 may be zeros."""
        labels = torch.ones((len(points_xy), 1), dtype=torch.int, device=points_xy.device)
        points = points_xy[:, None], labels
        return self._model.outputs(self._encoding, points=points, boxes_xyxy=None, logits=None, needs_first=False)

    def prompted(
        self,
        *,
        points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None = None,
        boxes_xyxy: Float[Tensor, "b 4"] | None = None,
        logits: Float[Tensor, "b 1 y x"] | None = None,
    ) -> DrawnOutput:
        """Decode prompts of any kind, several for one mask, in pixels of the framing."""
        return self._model.outputs(
            self._encoding, points=points, boxes_xyxy=boxes_xyxy, logits=logits, needs_first=True
        )

    def draw(self, output: DrawnOutput, prompts: Int[Tensor, " k"]) -> Float[Tensor, "k outputs y x"]:
        """The masks of these rows of `output`, as logits."""
        return output.logits[prompts]

    def draw_borders(
        self, output: DrawnOutput, prompts: Int[Tensor, " k"], needed: Bool[Tensor, "k outputs"]
    ) -> Float[Tensor, "k outputs y x"]:
        """The same as `draw`: everything is drawn already."""
        return self.draw(output, prompts)
