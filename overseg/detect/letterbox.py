"""Fits a picture into a detector's input: scaled, centred, and padded with grey, as ultralytics does it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

_GREY = 114


@dataclass(frozen=True)
class Letterbox:
    """Geometry of a picture in the rectangle of a detector's input.

    Attributes:
        size: (height, width) of the picture in pixels.
        input_size: (height, width) of the rectangle in pixels.
    """

    size: tuple[int, int]
    input_size: tuple[int, int]

    @property
    def scale(self) -> float:
        """Scale factor from the picture to the rectangle."""
        return min(self.input_size[0] / self.size[0], self.input_size[1] / self.size[1])

    @property
    def scaled_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the scaled picture."""
        return round(self.size[0] * self.scale), round(self.size[1] * self.scale)

    @property
    def offset_yx(self) -> tuple[int, int]:
        """Padding rows above and columns left of the picture; an odd number has its larger half below and right."""
        height, width = self.scaled_size
        return round((self.input_size[0] - height) / 2 - 0.1), round((self.input_size[1] - width) / 2 - 0.1)

    def fill(self, rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "y x 3"]:
        """Return the rectangle with the picture in it."""
        height, width = self.scaled_size
        if (height, width) != self.size:
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR)
        filled = np.full((*self.input_size, 3), _GREY, np.uint8)
        top, left = self.offset_yx
        filled[top : top + height, left : left + width] = rgb
        return filled

    def in_picture(self, boxes_xyxy: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 4"]:
        """Convert boxes of the rectangle to boxes of the picture, clipped to the picture."""
        top, left = self.offset_yx
        boxes = (boxes_xyxy - np.array([left, top, left, top], np.float32)) / np.float32(self.scale)
        height, width = self.size
        return boxes.clip(0, np.array([width, height, width, height], np.float32)).astype(np.float32)

    def in_rectangle(self, boxes_xyxy: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 4"]:
        """Convert boxes of the picture to boxes of the rectangle."""
        top, left = self.offset_yx
        return (boxes_xyxy * np.float32(self.scale) + np.array([left, top, left, top], np.float32)).astype(np.float32)
