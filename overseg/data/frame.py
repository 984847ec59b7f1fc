"""One decoded picture of a video."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from overseg.data.source_frames import SourceFrames


@dataclass(frozen=True)
class Frame:
    """One decoded RGB image.

    Attributes:
        index: number of the frame in the video as it is processed (0-based, after start, end and stride).
        timestamp_s: presentation time in seconds from the start of the file.
        rgb: the picture, uint8 [height, width, 3], red first.
        source: all frames of the input.
        source_index: number of the frame among them; None where it is `index`.
    """

    index: int
    timestamp_s: float
    rgb: UInt8[np.ndarray, "h w 3"]
    source: SourceFrames = field(default_factory=SourceFrames)
    source_index: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @property
    def number_in_source(self) -> int:
        """Number of the frame in the input, from 0, before start, end and stride."""
        return self.index if self.source_index is None else self.source_index
