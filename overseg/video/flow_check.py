"""Optical flow followed back to the frame before, and the forward-backward check: which pixels it is trusted for."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float32


@runtime_checkable
class DenseFlow(Protocol):
    """Computes the flow between two pictures, such as OpenCV's `DISOpticalFlow`."""

    def calc(self, one: Any, other: Any, flow: Any, /) -> Any:
        """The flow [a, b, 2] from one picture [a, b] to another; `flow` is where to begin, or None."""
        ...


def pixel_axes(size: tuple[int, int]) -> tuple[Float32[np.ndarray, "1 w"], Float32[np.ndarray, "h 1"]]:
    """The x and the y of all pixels of a picture of this (height, width), as a row and a column."""
    return np.arange(size[1], dtype=np.float32)[None], np.arange(size[0], dtype=np.float32)[:, None]


@dataclass(frozen=True)
class Origins:
    """Where the pixels of a frame were on the frame before.

    Attributes:
        x, y: in pixels of that frame.
        outside: whether that is outside of it.
    """

    x: Float32[np.ndarray, "h w"]
    y: Float32[np.ndarray, "h w"]
    outside: Bool[np.ndarray, "h w"]

    @classmethod
    def of(cls, back: Float32[np.ndarray, "h w 2"]) -> "Origins":
        """The origins by the flow `back` from a frame to the one before, in pixels, x first."""
        height, width = back.shape[:2]
        x_axis, y_axis = pixel_axes((height, width))
        x, y = x_axis + back[..., 0], y_axis + back[..., 1]
        return cls(x, y, (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1))

    def interpolated(self, values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
        """The values of the frame before, bilinear; outside of it, those at its edge."""
        return cv2.remap(values, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def nearest(self, flags: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """The flags of the frame before, each that of the nearest pixel; outside of it, false."""
        return cv2.remap(flags.view(np.uint8), self.x, self.y, cv2.INTER_NEAREST).view(bool)


def consistent(
    there: Float32[np.ndarray, "h w 2"], back: Float32[np.ndarray, "h w 2"], slack_px2: float
) -> Bool[np.ndarray, "h w"]:
    """Pixels of the later picture that pass the forward-backward check: the flow `there` undoes the flow `back`.

    The bound is that of Sundaram, Brox, Keutzer, "Dense point trajectories by GPU-accelerated large displacement
    optical flow", ECCV 2010, equation 5.

    Args:
        there: flow from the earlier picture to the later one, in pixels, x first.
        back: flow from the later picture to the earlier one.
        slack_px2: squared error that is always allowed, in pixels squared.
    """
    x, y = pixel_axes((back.shape[0], back.shape[1]))
    returned = cv2.remap(there, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR)
    return _squared(back + returned) < 0.01 * (_squared(back) + _squared(returned)) + slack_px2


def _squared(vectors: Float32[np.ndarray, "h w 2"]) -> Float32[np.ndarray, "h w"]:
    """The squared lengths of vectors. NumPy's sum over an axis of two takes 17 times as long."""
    return vectors[..., 0] ** 2 + vectors[..., 1] ** 2
