"""Values out of files that another tool wrote, checked where they enter."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from overseg.annotations.left_out import EmptyMask, LeftOut, NoMask
from overseg.annotations.rle_text import to_counts
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.video.packets import refuse_absurd_size

_REACH = 4  # times the picture's longer side
_LEAST_POINTS = 3  # of a polygon
_LONGEST_EMPTY, _LONGEST_BETWEEN = 200_000, 1000  # frames without masks, at all and for each that has some
_NAMES_SHOWN = 8  # of several videos, in a line
_NO_AREA = "polygon{s} of fewer than three points"
_NO_PIXEL = "shape{s} without a pixel of the picture"
EMPTY = "mask{s} without a pixel"


class SizeUnknownError(InputError):
    """Nothing says how large masks are: neither the file nor who reads it."""


class VideoUnknownError(InputError):
    """A source holds several videos, and nothing says which is meant.

    Attributes:
        names: by which they can be chosen, in the order of the source.
    """

    def __init__(self, line: str, names: Sequence[str]) -> None:
        shown = f"{', '.join(names[:_NAMES_SHOWN])}{', …' if len(names) > _NAMES_SHOWN else ''}"
        super().__init__(f"{line}: name one of {shown}" if names else line)
        self.names = tuple(names)

    @classmethod
    def among(cls, kind: str, source: Path, wanted: str | None, names: Sequence[str]) -> "VideoUnknownError":
        """For a source with videos of these names, none of which is called as wanted; `kind` is what it calls them."""
        called = f", or one that is called {wanted!r}" if wanted else ""
        return cls(
            f"expected one {kind} in {source}{called}, got {len(names)}{' with other names' * bool(wanted)}", names
        )


@contextmanager
def checked(source: Path, place: str) -> Iterator[None]:
    """Turn errors of a value under this block into one line.

    Raises:
        InputError: something is missing, of another type, or out of range.
    """
    try:
        yield
    except KeyError as e:
        raise InputError(f"expected {e} at {place} of {source}, found none; see docs/formats.md") from e
    except (TypeError, ValueError, IndexError, AttributeError, OverflowError) as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        raise InputError(f"{place} of {source} cannot be read ({reason}); see docs/formats.md") from e


@contextmanager
def tolerated(source: Path, place: str, left_out: LeftOut) -> Iterator[None]:
    """Count what is wrong with an entry of a file, or has no mask, as left out, and go on with the next entry."""
    try:
        with checked(source, place):
            try:
                yield
            except NoMask as nothing:
                left_out.add(nothing.what)
    except InputError as e:
        left_out.add_unreadable(str(e))


def as_size(height: Any, width: Any, source: Path) -> tuple[int, int]:
    """(height, width); ValueError where they cannot be those of a picture."""
    size = (int(height), int(width))
    if min(size) < 1:
        raise ValueError(f"a picture of {size[1]} x {size[0]} px")
    refuse_absurd_size(size, source)
    return size


def check_size(got: tuple[int, int], expected: tuple[int, int], where: str | Path) -> None:
    """Refuse with InputError masks at `where` of another (height, width) than expected."""
    if got != expected:
        raise InputError(
            f"expected masks of {expected[1]} x {expected[0]} px in {where}, got {got[1]} x {got[0]} px; are they of "
            "the same video? If the run shrank its frames: leave out --resize, or make masks of this size"
        )


def check_length(n_frames: int, n_with_masks: int, source: Path) -> None:
    """Refuse with InputError a stated number of frames that is so large for its masks that it must be wrong."""
    if n_frames > _LONGEST_EMPTY + _LONGEST_BETWEEN * n_with_masks:
        raise InputError(
            f"{source} states {n_frames} frames, and has masks on {n_with_masks} of them: correct the number of "
            "frames, or the frames of the masks"
        )


def mask_counts(segmentation: Any, size: tuple[int, int], where: str, left_out: LeftOut) -> bytes:
    """COCO's compressed run lengths of a mask, from {"size", "counts"} or a list of polygons [x0, y0, x1, y1, …].

    Tools also write one polygon without a list around, pairs of numbers, and lists of run lengths.

    Args:
        segmentation: as the file has it.
        size: (height, width) that it must have.
        where: it stands, for errors.
        left_out: counts parts of the mask that have no area.

    Raises:
        EmptyMask: it is null or empty, or has no pixel.
        NoMask: no part of it has three points.
        InputError: it is something else, or of another size; the line names `where`.
    """
    if segmentation is None or segmentation in ([], {}):
        raise EmptyMask("annotation{s} without a mask")
    try:
        if isinstance(segmentation, dict):
            check_size(as_size_of_mask(segmentation), size, where)
            return with_pixels(to_counts(segmentation["counts"], n_pixels=size[0] * size[1], height=size[0]), size)
        if isinstance(segmentation[0], dict):
            return _union([mask_counts(part, size, where, left_out) for part in segmentation], size)
        if not isinstance(segmentation[0], list):  # one polygon alone, as VIA writes it
            segmentation = [segmentation]
        return polygon_counts([_numbers_of(polygon) for polygon in segmentation], size, left_out)
    except NoMask:
        raise
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as e:
        raise InputError(
            f'expected a mask as {{"size": [height, width], "counts": run lengths}} or a list of polygons at {where}, '
            f"got something else ({type(e).__name__}: {' '.join(str(e).split())})"
        ) from e


def _union(counts: list[bytes], size: tuple[int, int]) -> bytes:
    return Rles(size, tuple(counts)).union().counts[0]


def _numbers_of(polygon: Any) -> list[float]:
    """The numbers of a polygon, which may be in pairs; TypeError or ValueError where it is no list of numbers."""
    if not isinstance(polygon, list):
        raise ValueError(f"a polygon is a list of numbers, not {polygon!r:.40}")
    if polygon and isinstance(polygon[0], list):
        polygon = [at for x, y in polygon for at in (x, y)]
    return [float(at) for at in polygon]


def as_size_of_mask(segmentation: Any) -> tuple[int, int]:
    """(height, width) that run lengths state; an error of the kinds of `checked` where they state none."""
    height, width = (int(px) for px in segmentation["size"])
    return height, width


def first_size(segmentations: Iterable[Any], source: Path) -> tuple[int, int] | None:
    """(height, width) that the first sound run lengths state; None where none do. Wrong ones are counted elsewhere."""
    for segmentation in segmentations:
        with suppress(KeyError, TypeError, ValueError, OverflowError, InputError):
            return as_size(*as_size_of_mask(segmentation), source)
    return None


def with_pixels(counts: bytes, size: tuple[int, int]) -> bytes:
    """The same run lengths of a mask of this (height, width); EmptyMask where it has no pixel."""
    if not Rles(size, (counts,)).area_px()[0]:
        raise EmptyMask(EMPTY)
    return counts


def polygon_counts(polygons: list[list[float]], size: tuple[int, int], left_out: LeftOut | None = None) -> bytes:
    """COCO's compressed run lengths of the area of the polygons [x0, y0, x1, y1, …].

    Polygons with fewer than three points have no area and are left out. pycocotools takes five places for every pixel
    along a polygon, and trusts that they can be counted: a polygon that reaches far beyond the picture, or is longer
    than any outline in it, is refused.

    Raises:
        NoMask: no part has three points, or all are so thin or so far outside that they have no pixel.
        ValueError: one is no polygon of a picture of this size.
    """
    height, width = size
    if any(len(polygon) % 2 for polygon in polygons):
        raise ValueError("neither run lengths nor polygons of pairs of numbers")
    areas = [polygon for polygon in polygons if len(polygon) >= 2 * _LEAST_POINTS]
    if not areas:
        raise NoMask(_NO_AREA)
    for _ in range(len(polygons) - len(areas)):
        if left_out is not None:
            left_out.add(_NO_AREA)
    polygons = areas
    for polygon in polygons:
        points_xy = np.array(polygon).reshape(-1, 2)
        if not np.abs(points_xy).max() <= _REACH * max(size):  # written so that a NaN is refused
            raise ValueError("a polygon that reaches far beyond the picture")
        length_px = np.abs(points_xy - np.roll(points_xy, 1, axis=0)).max(axis=1).sum()
        if length_px > _REACH * _REACH * (height + 2) * (width + 2):
            raise ValueError("a polygon longer than any outline in the picture")
    parts = coco_mask.frPyObjects(polygons, height, width)
    whole = Rles(size, tuple(part["counts"] for part in parts)).union()
    if not whole.area_px()[0]:
        raise NoMask(_NO_PIXEL)
    return whole.counts[0]


def box_counts(left: float, top: float, width: float, height: float, size: tuple[int, int]) -> bytes:
    """COCO's compressed run lengths of a box in pixels, cut at the picture's edge; NoMask where nothing is left."""
    mask = np.zeros((1, *size), bool)
    rows, columns = (
        slice(max(0, round(start)), max(0, round(start + length))) for start, length in ((top, height), (left, width))
    )
    mask[0, rows, columns] = True
    if not mask.any():
        raise NoMask(_NO_PIXEL)
    return Rles.from_masks(mask).counts[0]


def as_id(id: Any) -> int | str:
    """The id by which an entry of a file refers to another; ValueError where it is neither a number nor a text.

    Example:
        >>> as_id(7), as_id("7"), as_id(7.0), as_id("007")
        (7, 7, 7, '007')
    """
    if isinstance(id, float) and id.is_integer():
        return int(id)
    if not isinstance(id, int | str):
        raise ValueError(f"an id is a number or a text, not {id!r}")
    return int(id) if isinstance(id, str) and id.isascii() and id.isdecimal() and str(int(id[:18])) == id else id


def within(value: Any, low: float, high: float, *, otherwise: float) -> float:
    """A number in [low, high], `otherwise` for None; ValueError where it is something else."""
    number = otherwise if value is None else float(value)
    if value is not None and not low <= number <= high:
        raise ValueError(f"{value!r} is not from {low:g} to {high:g}")
    return number


def as_score(value: Any) -> float:
    """A score, cut to [0, 1], since models overshoot; 1 for None; ValueError where it is no finite number."""
    score = 1.0 if value is None else float(value)
    if not math.isfinite(score):
        raise ValueError(f"a score is a number from 0 to 1, not {value!r}")
    return min(max(score, 0.0), 1.0)
