"""One decoded picture of a video."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class Frame:
    """One decoded RGB image.

    Attributes:
        index: number of the frame in the video as it is processed (0-based, after start, end and stride).
        timestamp_s: presentation time in seconds from the start of the file.
        rgb: the picture, uint8 [height, width, 3], red first.
    """

    index: int
    timestamp_s: float
    rgb: UInt8[np.ndarray, "h w 3"]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]
