"""The objects that a detector finds on a frame."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32


@dataclass(frozen=True)
class Detections:
    """Detected objects of one frame, the most confident first.

    Attributes:
        boxes_xyxy: in pixels of the frame.
        confidence: the detector's confidence, in [0, 1].
        category: index of the object's category in the detector's categories.
    """

    boxes_xyxy: Float32[np.ndarray, "n 4"]
    confidence: Float32[np.ndarray, " n"]
    category: Int32[np.ndarray, " n"]

    @classmethod
    def empty(cls) -> "Detections":
        """No object."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.confidence)

    def take(self, rows: Int[np.ndarray, " k"] | Bool[np.ndarray, " n"]) -> "Detections":
        """The rows at these numbers, in this order, or where a boolean array is true."""
        return Detections(*(getattr(self, column.name)[rows] for column in fields(self)))
