"""How much of a picture optical flow still finds some frames later. Where it is little, masks are lost on the way."""

import cv2
import numpy as np
from jaxtyping import UInt8

from overseg.video.flow_check import DenseFlow, Origins, consistent

_LONG_PX = 160  # frames are shrunk to this longer side
_LEAST_PX = 64  # this preset of DIS works on a quarter of the picture, and needs two patches of 8 px along a side there
_SLACK_PX2 = 0.125  # of the forward-backward check, in pixels of the shrunk picture, squared


class Survival:
    """The share of a picture whose pixels optical flow finds again, frame after frame.

    Flow (DIS, Kroeger et al., ECCV 2016) is computed on small pictures: one or two milliseconds per frame.
    """

    def __init__(self) -> None:
        self._dis: DenseFlow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._previous: UInt8[np.ndarray, "h w"] | None = None
        self._alive = np.ones((1, 1), bool)

    def restart(self) -> None:
        """Count from the frame that was added last."""
        self._alive = np.ones_like(self._alive)

    def add(self, rgb: UInt8[np.ndarray, "h w 3"]) -> float:
        """Add the next frame, and return the share of it that was followed from the frame that is counted from."""
        grey = _small(rgb)
        if self._previous is None or self._previous.shape != grey.shape:
            self._previous, self._alive = grey, np.ones(grey.shape, bool)
            return 1.0
        there = self._dis.calc(self._previous, grey, None)
        back = self._dis.calc(grey, self._previous, None)
        origins = Origins.of(back)
        self._alive = origins.nearest(self._alive) & consistent(there, back, _SLACK_PX2) & ~origins.outside
        self._previous = grey
        return float(self._alive.mean())


def _small(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "a b"]:
    scale = min(1.0, _LONG_PX / max(rgb.shape[:2]))
    height, width = (max(_LEAST_PX, round(side * scale)) for side in rgb.shape[:2])
    return cv2.cvtColor(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
