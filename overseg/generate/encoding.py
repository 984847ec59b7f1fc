"""Scales a picture, points and masks to the square input of SAM's encoder."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

LOGIT_PX = 4  # one pixel of the decoder's logits is this many of the encoder's input
TOKEN_PX = 16  # and so is one cell of the image embedding
_LEAST_MARGIN = 2  # tokens of padding that are encoded; without any, masks at the edge of the picture are worse
_WINDOW_TOKENS = 14  # TinyViT's largest window; it computes whole windows, so padding up to one costs little
_SURE_LOGIT = 10.0  # a mask as a prompt is +10 inside and -10 outside


@dataclass(frozen=True)
class Framing:
    """The place of a picture in the encoder's square input: scaled to fit in, then padded at the right and below.

    Attributes:
        size: (height, width) of the picture in pixels.
        side_px: side of the encoder's input.
        is_stretched: whether it is stretched to fill the square instead, as SAM 2 and SAM 3 do it.
    """

    size: tuple[int, int]
    side_px: int
    is_stretched: bool = False

    @cached_property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the scaled picture, rounded as in segment_anything."""
        if self.is_stretched:
            return self.side_px, self.side_px
        scale = self.side_px / max(self.size)
        return int(self.size[0] * scale + 0.5), int(self.size[1] * scale + 0.5)

    @cached_property
    def cut_size(self) -> tuple[int, int]:
        """(height, width) of the encoder's input with the picture and only a margin of the padding, in whole tokens."""
        tokens = (ceil(px / TOKEN_PX) + _LEAST_MARGIN for px in self.input_size)
        height, width = (min(TOKEN_PX * _WINDOW_TOKENS * ceil(n / _WINDOW_TOKENS), self.side_px) for n in tokens)
        return height, width

    @cached_property
    def scale_xy(self) -> tuple[float, float]:
        """Pixels of the encoder's input per pixel of the picture."""
        return self.input_size[1] / self.size[1], self.input_size[0] / self.size[0]

    def logit_index(self, points_xy: Float[np.ndarray, "k 2"], logits_size: tuple[int, int]) -> Int[np.ndarray, "2 k"]:
        """Rows and columns of the logits at these points of the picture."""
        at = (points_xy * self.scale_xy / LOGIT_PX).astype(np.int64)
        return np.minimum(at, np.array(logits_size)[::-1] - 1).T[::-1]


def encode(
    sam: "Sam", rgb: UInt8[np.ndarray, "h w 3"], framing: Framing, input_size: tuple[int, int]
) -> Float[Tensor, "1 c y x"]:
    """The picture's image embedding. The picture is resized with the filter of segment_anything's predictor.

    Args:
        sam: the model.
        rgb: the picture.
        framing: its place in the encoder's input.
        input_size: (height, width) of that input, in whole tokens. The picture is padded to it.
    """
    height, width = framing.input_size
    resized = np.array(Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR))
    pixels = torch.from_numpy(resized).to(sam.device).permute(2, 0, 1)[None]
    normalised = (pixels - sam.pixel_mean) / sam.pixel_std
    return sam.image_encoder(F.pad(normalised, (0, input_size[1] - width, 0, input_size[0] - height)))


def mask_to_logits(
    masks: Bool[Tensor, "b h w"], framing: Framing
) -> tuple[Float[Tensor, "b 4"], Float[Tensor, "b 1 y x"]]:
    """Masks as prompts: boxes (x1, y1, x2, y2) in pixels of the encoder's input, and logits at the decoder's scale."""
    height, width = framing.input_size
    resized = F.interpolate(masks[:, None].float(), (height, width))
    share = F.avg_pool2d(F.pad(resized, (0, -width % LOGIT_PX, 0, -height % LOGIT_PX)), LOGIT_PX)
    side = framing.side_px // LOGIT_PX
    padded = F.pad(share, (0, side - share.shape[3], 0, side - share.shape[2]))
    logits = torch.where(padded > 0.5, _SURE_LOGIT, -_SURE_LOGIT)
    return _boxes_xyxy(masks) * torch.tensor(framing.scale_xy * 2, device=masks.device), logits


def _boxes_xyxy(masks: Bool[Tensor, "b h w"]) -> Float[Tensor, "b 4"]:
    """Tight boxes of masks that are not empty. The right and lower sides are exclusive."""
    spans = []
    for occupied in (masks.any(dim=1), masks.any(dim=2)):
        forward, backward = occupied.float().argmax(dim=1), occupied.flip(1).float().argmax(dim=1)
        spans.append((forward, occupied.shape[1] - backward))
    (x1, x2), (y1, y2) = spans
    return torch.stack([x1, y1, x2, y2], dim=1).float()
