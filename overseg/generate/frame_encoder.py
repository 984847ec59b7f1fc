"""A model that encodes frames, and caches what it made of the latest ones."""

from collections import OrderedDict
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from overseg.batching import enough_memory
from overseg.data.frame import Frame
from overseg.errors import WeightsError
from overseg.generate.encoding import Framing
from overseg.generate.picture_model import Decoding, Encoding, PictureModel
from overseg.generate.prompt_batches import ADVICE
from overseg.generate.sam1_pictures import Sam1Pictures

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_MOST_KEPT_BYTES = 512 << 20


class FrameEncoder:
    """Encodes frames, and caches the encodings of the frames used last."""

    def __init__(
        self, model: "Sam | PictureModel", *, dtype: torch.dtype, n_kept: int = 0, exact: bool = False
    ) -> None:
        """
        Args:
            model: the model, in evaluation mode, on its device.
            dtype: type in which the model computes, where that is safe. Its outputs are float32.
            n_kept: number of encodings in the cache, as far as 512 MiB hold them. SAM's take 4 MiB each with padding.
            exact: whether masks are upstream's up to rounding. With SAM, the padding beside the picture is then
                encoded, prompts attend to all of it, and masks are drawn in all details. Otherwise they differ a little
                and take about half of the time. Encoders of one size, such as SAM's ViT, encode the padding in any
                case.
        """
        self.model = Sam1Pictures(model, exact=exact) if isinstance(model, torch.nn.Module) else model
        self.exact = exact
        self._dtype, self._n_kept = dtype, n_kept
        self._kept: OrderedDict[bytes, Encoding] = OrderedDict()

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    @property
    def precision(self) -> AbstractContextManager[object]:
        """The context in which the model computes in `dtype`."""
        return torch.autocast(self.device.type, self._dtype, enabled=self._dtype != torch.float32)

    def encoding(self, frame: Frame, framing: Framing) -> Encoding:
        """What the model's encoder makes of the frame.

        Raises:
            DeviceError: the device has not enough memory.
            WeightsError: the encoder's output is not finite.
        """
        name = blake2b(frame.rgb.tobytes(), digest_size=16).digest() if self._n_kept else b""
        if name not in self._kept:
            self._kept[name] = self._encode(frame, framing)
        self._kept.move_to_end(name)
        encoding = self._kept[name]
        while len(self._kept) > min(self._n_kept, _MOST_KEPT_BYTES // encoding.n_bytes):
            self._kept.popitem(last=False)
        return encoding

    def decoding(self, encoding: Encoding, framing: Framing) -> Decoding:
        """The decoder for prompts on a frame with this encoding."""
        with self.precision:
            return self.model.decoding(encoding, framing)

    def _encode(self, frame: Frame, framing: Framing) -> Encoding:
        with enough_memory(for_="to encode one frame", advice=ADVICE), self.precision:
            encoding = self.model.encode(frame, framing)
        check_finite(encoding.embedding)
        return encoding


def check_finite(output: Tensor) -> None:
    """Raise WeightsError where a model's output is not finite."""
    if not torch.isfinite(output).all():
        raise WeightsError("expected finite numbers from the SAM model, got NaN or infinity; fetch its weights again")
