"""A SAM model that encodes frames, and caches the image embeddings of the latest ones."""

from collections import OrderedDict
from contextlib import AbstractContextManager
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from overseg.batching import enough_memory
from overseg.data.frame import Frame
from overseg.errors import WeightsError
from overseg.generate.decode import MaskDecoding
from overseg.generate.encoding import TOKEN_PX, Framing, encode
from overseg.generate.prompt_batches import ADVICE

if TYPE_CHECKING:
    from segment_anything.modeling import Sam


class FrameEncoder:
    """Encodes frames, and caches the image embeddings of the frames used last."""

    def __init__(self, sam: "Sam", *, dtype: torch.dtype, n_kept: int = 0, exact: bool = False) -> None:
        """
        Args:
            sam: the model, in evaluation mode, on its device.
            dtype: type in which the model computes, where that is safe. Its outputs are float32.
            n_kept: number of embeddings in the cache, 4 MiB each with padding.
            exact: whether masks are segment_anything's up to rounding. The padding beside the picture is then encoded,
                prompts attend to all of it, and masks are drawn in all details. Otherwise they differ a little and take
                about half of the time. Encoders of one size, such as SAM's ViT, encode the padding in any case.
        """
        self.sam, self.exact = sam, exact
        self._dtype, self._n_kept = dtype, n_kept
        self._kept: OrderedDict[bytes, Tensor] = OrderedDict()

    @property
    def precision(self) -> AbstractContextManager[object]:
        """The context in which the model computes in `dtype`."""
        return torch.autocast(self.sam.device.type, self._dtype, enabled=self._dtype != torch.float32)

    def encoding(self, frame: Frame, framing: Framing) -> Float[Tensor, "1 c y x"]:
        """The frame's image embedding.

        Raises:
            DeviceError: the device has not enough memory.
            WeightsError: the encoder's output is not finite.
        """
        name = blake2b(frame.rgb.tobytes(), digest_size=16).digest() if self._n_kept else b""
        if name not in self._kept:
            self._kept[name] = self._encode(frame, framing)
        self._kept.move_to_end(name)
        encoding = self._kept[name]
        while len(self._kept) > self._n_kept:
            self._kept.popitem(last=False)
        return encoding

    def decoding(self, embedding: Float[Tensor, "1 c y x"], framing: Framing) -> MaskDecoding:
        """The decoder for prompts on a frame with this embedding."""
        with self.precision:
            return MaskDecoding(self.sam, embedding, input_size=framing.input_size, with_padding=self.exact)

    def _input_size(self, framing: Framing) -> tuple[int, int]:
        takes_any_size = getattr(self.sam.image_encoder, "takes_any_size", False)
        return framing.cut_size if takes_any_size and not self.exact else (framing.side_px, framing.side_px)

    def _filled(self, encoding: Float[Tensor, "1 c a b"]) -> Float[Tensor, "1 c y x"]:
        """The embedding of the whole square: where it was not encoded, that of a square of padding alone."""
        rows, columns = encoding.shape[2:]
        side = self.sam.image_encoder.img_size // TOKEN_PX
        if (rows, columns) == (side, side):
            return encoding
        filled = self._padding.clone()
        filled[:, :, :rows, :columns] = encoding
        return filled

    @cached_property
    def _padding(self) -> Float[Tensor, "1 c y x"]:
        side_px = self.sam.image_encoder.img_size
        return self.sam.image_encoder(torch.zeros((1, 3, side_px, side_px), device=self.sam.device))

    def _encode(self, frame: Frame, framing: Framing) -> Tensor:
        with enough_memory(for_="to encode one frame", advice=ADVICE), self.precision:
            encoding = self._filled(encode(self.sam, frame.rgb, framing, self._input_size(framing)))
        check_finite(encoding)
        return encoding


def check_finite(output: Tensor) -> None:
    """Raise WeightsError where a model's output is not finite."""
    if not torch.isfinite(output).all():
        raise WeightsError("expected finite numbers from the SAM model, got NaN or infinity; fetch its weights again")
