"""The interface that both kinds of input share: a video file and a folder of images."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8


@runtime_checkable
class PictureSource(Protocol):
    """All pictures of an input by number, at full size. Only an open file is kept between calls."""

    @property
    def name(self) -> str:
        """File or folder name, without its path."""
        ...

    @property
    def stems(self) -> tuple[str, ...]:
        """File names without suffix of the pictures, in order; empty where pictures have no files of their own."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of every picture."""
        ...

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel by its height, as it is to be shown."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was assumed or changed on the way in, a line each."""
        ...

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        """When each picture is shown, in seconds; one entry per picture."""
        ...

    @property
    def n_lost(self) -> int:
        """Number of pictures that the input should contain and that cannot be decoded."""
        ...

    def fps(self, numbers: range) -> float:
        """Mean number of these pictures per second; 0 if the input has no times."""
        ...

    def sha256(self) -> str:
        """SHA-256 of the content, as a hex string."""
        ...

    def decoding_start(self, number: int) -> int:
        """The number of the picture at which decoding must start in order to decode picture `number`."""
        ...

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Decode these pictures; `numbers` is ascending."""
        ...

    def close(self) -> None:
        """Close open files."""
        ...
