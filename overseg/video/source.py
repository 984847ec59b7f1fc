"""What both kinds of input, a video file and a folder of images, offer to the reader above them."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8


@runtime_checkable
class PictureSource(Protocol):
    """All pictures of an input by number, at full size. Nothing is kept between calls but an open file."""

    @property
    def name(self) -> str:
        """File or folder name, without its path."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of every picture."""
        ...

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        """When each picture is shown, in seconds; one entry per picture."""
        ...

    @property
    def n_lost(self) -> int:
        """Pictures that the input promises and that cannot be decoded."""
        ...

    def fps(self, numbers: range) -> float:
        """Mean pictures per second of these pictures; 0 where the input knows no time."""
        ...

    def sha256(self) -> str:
        """Hash of the content."""
        ...

    def cheap_from(self, number: int) -> int:
        """The first picture that must be decoded on the way to picture `number`."""
        ...

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Decode these pictures; `numbers` ascends."""
        ...

    def close(self) -> None:
        """Let go of open files."""
        ...
