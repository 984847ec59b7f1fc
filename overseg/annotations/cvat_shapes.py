"""The shapes of CVAT's XML as masks, and a shape between two of them as CVAT makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from jaxtyping import Float64, Int64

from overseg.annotations.left_out import NoMask
from overseg.annotations.outlines import ellipse, rectangle
from overseg.annotations.row_runs import mask_of_row_runs
from overseg.annotations.values import polygon_counts, with_pixels
from overseg.data.rles import Rles

_WITHOUT_AREA = ("polyline", "points", "cuboid", "skeleton", "tag")
_NUMBERS = {"box": ("xtl", "ytl", "xbr", "ybr"), "ellipse": ("cx", "cy", "rx", "ry")}


@dataclass(frozen=True)
class Outline:
    """A polygon, box or ellipse.

    Attributes:
        kind: CVAT's name of it.
        numbers: of a polygon (x, y) of each point; of a box two corners; of an ellipse its centre and radii. In pixels.
        degrees: by which it is turned clockwise around its centre.
    """

    kind: str
    numbers: tuple[float, ...]
    degrees: float = 0.0

    def counts(self, size: tuple[int, int]) -> bytes:
        """Run lengths of its area in a picture of (height, width); NoMask where it has no pixel."""
        if self.kind == "polygon":
            return polygon_counts([list(self.numbers)], size)
        around: Callable[..., list[float]] = rectangle if self.kind == "box" else ellipse
        return polygon_counts([around(*self.numbers, degrees=self.degrees)], size)


def outline_of(shape: Element) -> Outline | None:
    """The outline of a shape; None for a mask.

    Raises:
        NoMask: a shape of this kind has no area.
        KeyError, ValueError: it is of another kind, or something is missing.
    """
    if shape.tag == "mask":
        return None
    if shape.tag == "polygon":
        points = [float(at) for point in shape.attrib["points"].strip("; ").split(";") for at in point.split(",")]
        return Outline(shape.tag, tuple(points))
    if shape.tag in _NUMBERS:
        numbers = tuple(float(shape.attrib[name]) for name in _NUMBERS[shape.tag])
        return Outline(shape.tag, numbers, float(shape.get("rotation") or 0))
    if shape.tag in _WITHOUT_AREA:
        raise NoMask(shape.tag + "{s} without an area")
    raise ValueError(f"a shape <{shape.tag}>; masks, polygons, boxes and ellipses can be read")


def mask_counts(mask: Element, size: tuple[int, int]) -> bytes:
    """Run lengths of a mask in a picture of (height, width).

    Raises:
        EmptyMask: it has no pixel.
        KeyError, ValueError: it is wrong, or reaches out of the picture.
    """
    left, top, width, height = (int(mask.attrib[name]) for name in ("left", "top", "width", "height"))
    if min(left, top, width, height) < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"a mask at {left}, {top} of {width} x {height} px outside of the image")
    runs = [int(run) for run in mask.attrib["rle"].split(",")]
    whole = np.zeros((1, *size), bool)
    whole[0, top : top + height, left : left + width] = mask_of_row_runs(runs, (height, width))
    return with_pixels(Rles.from_masks(whole).counts[0], size)


def between(one: Outline, other: Outline, share: float) -> Outline:
    """The outline at a share of the way from one keyframe's to the next one's, as CVAT makes it.

    Boxes and ellipses go straight, and turn the shorter way. Points of polygons go straight to the point that is at
    the nearest share of the other polygon's length, counted from its first point. An outline of another kind stays as
    it is until the next keyframe.

    Example:
        >>> between(Outline("box", (0, 0, 4, 4)), Outline("box", (8, 0, 12, 8)), 0.5).numbers
        (4.0, 0.0, 8.0, 6.0)
    """
    if one.kind != other.kind:
        return one
    if one.kind == "polygon":
        return Outline(one.kind, _polygon_between(_closed(one.numbers), _closed(other.numbers), share))
    turn = (other.degrees - one.degrees + 180) % 360 - 180
    numbers = (a + (b - a) * share for a, b in zip(one.numbers, other.numbers, strict=True))
    return Outline(one.kind, tuple(numbers), one.degrees + turn * share)


def _closed(numbers: tuple[float, ...]) -> Float64[np.ndarray, "n 2"]:
    """The points (x, y) of a polygon, and the first one again."""
    points = np.array(numbers, np.float64).reshape(-1, 2)
    return np.concatenate([points, points[:1]])


def _polygon_between(
    one: Float64[np.ndarray, "n 2"], other: Float64[np.ndarray, "m 2"], share: float
) -> tuple[float, ...]:
    along, along_other = _shares_of_length(one), _shares_of_length(other)
    to, back = _nearest(along, along_other), _nearest(along_other, along)
    left = np.setdiff1d(np.arange(len(other)), to)  # points that nothing goes to
    pairs = np.concatenate(
        [np.stack([np.arange(len(one)), to], axis=1), np.stack([back[left], left], axis=1)], dtype=np.int64
    )
    rows, rows_other = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
    points = one[rows] + (other[rows_other] - one[rows]) * share
    return tuple(points[:-1].ravel().tolist())


def _shares_of_length(points: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
    """For each point, which share of the line along all points lies before it."""
    along = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    return along / max(along[-1], np.finfo(np.float64).tiny)


def _nearest(values: Float64[np.ndarray, " n"], among: Float64[np.ndarray, " m"]) -> Int64[np.ndarray, " n"]:
    """The place of the number that is nearest to each value among ascending ones."""
    after = np.searchsorted(among, values).clip(1, len(among) - 1)
    is_before = values - among[after - 1] <= among[after] - values
    return np.where(is_before, after - 1, after).astype(np.int64)
