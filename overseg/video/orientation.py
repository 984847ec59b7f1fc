"""Rotation and mirroring of stored pictures for display, as the container records it."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int32, UInt8

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

UPRIGHT = np.array([[1, 0], [0, 1]], np.int32)


def display_matrix(frame: "VideoFrame") -> Int32[np.ndarray, "2 2"]:
    """The rotation part [[a, b], [c, d]] of a frame's display matrix; the identity if it has none.

    A stored point (x, y) is shown at (a x + c y, b x + d y), x to the right and y down, apart from a shift and a scale
    (ISO/IEC 14496-12, section 6.2.2).
    """
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]  # the stub has one key only
    return UPRIGHT if matrix is None else np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)[:2, :2]


def upright(rgb: UInt8[np.ndarray, "h w 3"], matrix: Int32[np.ndarray, "2 2"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Return a picture rotated and mirrored for display: the quarter turn and mirroring nearest to `matrix`."""
    (a, b), (c, d) = matrix.tolist()
    across, down = a, d
    if is_turned(matrix):
        rgb, across, down = rgb.transpose(1, 0, 2), c, b
    return rgb[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]


def is_turned(matrix: Int32[np.ndarray, "2 2"]) -> bool:
    """Whether `upright` swaps width and height."""
    (a, b), _ = matrix.tolist()
    return abs(b) > abs(a)
