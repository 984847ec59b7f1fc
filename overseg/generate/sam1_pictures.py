"""First-generation SAM models as models that are prompted on pictures."""

from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from overseg.data.frame import Frame
from overseg.generate.decode import MaskDecoding
from overseg.generate.encoding import TOKEN_PX, Framing, encode
from overseg.generate.picture_model import Encoding
from overseg.generate.point_grid import SAM1_WORK

if TYPE_CHECKING:
    from segment_anything.modeling import Sam


class Sam1Pictures:
    """A segment_anything model; see `PictureModel`. Pictures are padded to squares."""

    work = SAM1_WORK

    def __init__(self, sam: "Sam", *, exact: bool = False) -> None:
        """
        Args:
            sam: the model, in evaluation mode, on its device.
            exact: as in `FrameEncoder`.
        """
        self._sam, self._exact = sam, exact
        self.side_px = sam.image_encoder.img_size

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._sam.device

    def framing(self, size: tuple[int, int]) -> Framing:
        """The place of a picture of (height, width) in the encoder's input."""
        return Framing(size, self.side_px)

    def encode(self, frame: Frame, framing: Framing) -> Encoding:
        """What the encoder makes of a frame."""
        return Encoding(self._filled(encode(self._sam, frame.rgb, framing, self._input_size(framing))))

    def decoding(self, encoding: Encoding, framing: Framing) -> MaskDecoding:
        """The decoder for prompts on a frame with this encoding."""
        return MaskDecoding(self._sam, encoding.embedding, input_size=framing.input_size, exact=self._exact)

    def _input_size(self, framing: Framing) -> tuple[int, int]:
        takes_any_size = getattr(self._sam.image_encoder, "takes_any_size", False)
        return framing.cut_size if takes_any_size and not self._exact else (framing.side_px, framing.side_px)

    def _filled(self, encoding: Float[Tensor, "1 c a b"]) -> Float[Tensor, "1 c y x"]:
        """The embedding of the whole square: where it was not encoded, that of a square of padding alone."""
        rows, columns = encoding.shape[2:]
        side = self.side_px // TOKEN_PX
        if (rows, columns) == (side, side):
            return encoding
        filled = self._padding.clone()
        filled[:, :, :rows, :columns] = encoding
        return filled

    @cached_property
    def _padding(self) -> Float[Tensor, "1 c y x"]:
        return self._sam.image_encoder(torch.zeros((1, 3, self.side_px, self.side_px), device=self._sam.device))
