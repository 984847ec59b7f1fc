"""What prompting and locating need to know of a model that makes masks of prompts on one picture."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from overseg.data.frame import Frame
from overseg.generate.encoding import Framing


@dataclass(frozen=True)
class Encoding:
    """What a model's encoder makes of one picture.

    Attributes:
        embedding: its features, one cell for 16 pixels of the framing.
        finer: features at finer scales, for decoders that use some.
    """

    embedding: Float[Tensor, "1 c y x"]
    finer: tuple[Tensor, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return sum(level.numel() * level.element_size() for level in (self.embedding, *self.finer))


@runtime_checkable
class Decoded(Protocol):
    """What a decoder makes of b prompts; the decoder that made it draws the masks."""

    @property
    def predicted_iou(self) -> Float[Tensor, "b outputs"]:
        """The model's own estimate for each output. Output 0 is for unambiguous prompts, 1 to 3 are for points."""
        ...


@runtime_checkable
class Decoding(Protocol):
    """Decodes prompts on one encoded picture; see `MaskDecoding`."""

    @property
    def logits_size(self) -> tuple[int, int]:
        """(height, width) of the masks' logits."""
        ...

    def points(self, points_xy: Float[Tensor, "b 2"]) -> Decoded:
        """Decode single foreground points, in pixels of the framing. Output 0 need not be computed."""
        ...

    def prompted(
        self,
        *,
        points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None = None,
        boxes_xyxy: Float[Tensor, "b 4"] | None = None,
        logits: Float[Tensor, "b 1 y x"] | None = None,
    ) -> Decoded:
        """Decode prompts of any kind, several for one mask, in pixels of the framing."""
        ...

    def draw(self, output: Any, prompts: Int[Tensor, " k"]) -> Float[Tensor, "k outputs y x"]:
        """The masks of these rows of what the same object decoded, as logits."""
        ...

    def draw_borders(
        self, output: Any, prompts: Int[Tensor, " k"], needed: Bool[Tensor, "k outputs"]
    ) -> Float[Tensor, "k outputs y x"]:
        """`draw`, where details count near the borders of the needed outputs alone."""
        ...


class PromptWork(NamedTuple):
    """Expected work, in passes of SAM's image encoder: of encoding a picture, and of decoding one prompt."""

    encoding: float
    prompt: float


@runtime_checkable
class PictureModel(Protocol):
    """A model that makes masks of prompts on one picture.

    Attributes:
        side_px: side of the square framing of pictures: 16 pixels for each cell of the embedding.
        work: what it costs.
    """

    side_px: int
    work: PromptWork

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def framing(self, size: tuple[int, int]) -> Framing:
        """The place of a picture of (height, width) in the encoder's input."""
        ...

    def encode(self, frame: Frame, framing: Framing) -> Encoding:
        """What the encoder makes of a frame."""
        ...

    def decoding(self, encoding: Encoding, framing: Framing) -> Decoding:
        """The decoder for prompts on a frame with this encoding."""
        ...
