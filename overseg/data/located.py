"""Masks that were located on another frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from overseg.data.columns import Columns
from overseg.data.rles import Rles


@dataclass(frozen=True)
class Located(Columns):
    """The masks located on a frame, in the order of the request.

    Attributes:
        rles: the masks, empty where none was found.
        predicted_iou: the model's own estimate of each, in [0, 1]; 0.6 for masks that no model made, 0 where none was
            found.
        support: agreement with what located it, in [0, 1]: the geometric mean of the larger IoU with one of the two
            witnesses and of the IoU on the way back. 0 where none was found.
    """

    rles: Rles
    predicted_iou: Float32[np.ndarray, " m"]
    support: Float32[np.ndarray, " m"]
