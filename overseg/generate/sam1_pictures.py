"""First-generation SAM models as models that are prompted on pictures."""

from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from overseg.data.frame import Frame
from overseg.generate.decode import MaskDecoding
from overseg.generate.encoding import Framing, encode
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
        input_size = self._input_size(framing)
        if input_size == (self.side_px, self.side_px):
            return Encoding(encode(self._sam, frame.rgb, framing, input_size))
        whole = self._padding.clone()
        encoded = encode(self._sam, frame.rgb, framing, input_size)
        whole[:, :, : encoded.shape[2], : encoded.shape[3]] = encoded
        return Encoding(whole)

    def decoding(self, encoding: Encoding, framing: Framing) -> MaskDecoding:
        """The decoder for prompts on a frame with this encoding."""
        return MaskDecoding(self._sam, encoding.embedding, input_size=framing.input_size, exact=self._exact)

    def _input_size(self, framing: Framing) -> tuple[int, int]:
        takes_any_size = getattr(self._sam.image_encoder, "takes_any_size", False)
        return framing.cut_size if takes_any_size and not self._exact else (framing.side_px, framing.side_px)

    @cached_property
    def _padding(self) -> Float[Tensor, "1 c y x"]:
        """What the encoder makes of a square of padding: the embedding of what is not encoded of a picture's square."""
        return self._sam.image_encoder(torch.zeros((1, 3, self.side_px, self.side_px), device=self._sam.device))
