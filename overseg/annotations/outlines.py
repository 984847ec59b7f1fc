"""Rectangles and ellipses as polygons [x0, y0, x1, y1, …]."""

import numpy as np
from jaxtyping import Float64

_POINTS = 128  # of an ellipse


def rectangle(x1: float, y1: float, x2: float, y2: float, *, degrees: float = 0.0) -> list[float]:
    """The corners of a rectangle, turned clockwise around its centre.

    >>> rectangle(1, 2, 5, 8)
    [1.0, 2.0, 5.0, 2.0, 5.0, 8.0, 1.0, 8.0]
    """
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)
    return _turned(corners, (x1 + x2) / 2, (y1 + y2) / 2, degrees) if degrees else corners.ravel().tolist()


def ellipse(x: float, y: float, radius_x: float, radius_y: float, *, degrees: float = 0.0) -> list[float]:
    """Points around an ellipse with this centre, turned clockwise around it."""
    angle = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    around = np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], axis=1)
    return _turned(around, x, y, degrees)


def _turned(points_xy: Float64[np.ndarray, "n 2"], x: float, y: float, degrees: float) -> list[float]:
    """The points turned around (x, y); y points down, so a positive angle is clockwise."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((points_xy - (x, y)) @ turn + (x, y)).ravel().tolist()
