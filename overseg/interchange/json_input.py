"""Values out of JSON that another tool wrote, checked where they enter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.rle_text import to_counts
from overseg.interchange.json_stream import items
from overseg.video.packets import refuse_absurd_size

_REACH = 4  # times the picture's longer side


@contextmanager
def checked(source: Path, place: str) -> Iterator[None]:
    """Turn what goes wrong with a value under this block into one line.

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


def as_size(height: Any, width: Any, source: Path) -> tuple[int, int]:
    """(height, width); ValueError where they cannot be those of a picture."""
    size = (int(height), int(width))
    if min(size) < 1:
        raise ValueError(f"a picture of {size[1]} x {size[0]} px")
    refuse_absurd_size(size, source)
    return size


def as_counts(segmentation: Any, size: tuple[int, int]) -> bytes:
    """COCO's compressed run lengths, from {"size", "counts"} or polygons [x0, y0, x1, y1, …]; else ValueError."""
    height, width = size
    if isinstance(segmentation, dict):
        stored = tuple(int(px) for px in segmentation["size"])
        if stored != size:
            raise ValueError(f"a mask of {stored[1]} x {stored[0]} px in a picture of {width} x {height} px")
        return to_counts(segmentation["counts"], n_pixels=height * width, height=height)
    return polygon_counts([[float(at) for at in polygon] for polygon in segmentation], size)


def polygon_counts(polygons: list[list[float]], size: tuple[int, int]) -> bytes:
    """COCO's compressed run lengths of what lies in any of the polygons [x0, y0, x1, y1, …].

    pycocotools takes five places for every pixel along a polygon, and trusts that they can be counted: one that
    reaches far beyond the picture, or runs across it more often than any outline does, is refused.

    Raises:
        ValueError: there are none, or one is no polygon of a picture of this size.
    """
    height, width = size
    if not polygons or any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
        raise ValueError("neither run lengths nor polygons of three or more points")
    for polygon in polygons:
        points_xy = np.array(polygon).reshape(-1, 2)
        if not np.abs(points_xy).max() <= _REACH * max(size):  # so put, a NaN is refused
            raise ValueError("a polygon that reaches far beyond the picture")
        length_px = np.abs(points_xy - np.roll(points_xy, 1, axis=0)).max(axis=1).sum()
        if length_px > _REACH * _REACH * (height + 2) * (width + 2):
            raise ValueError("a polygon longer than any outline in the picture")
    parts = coco_mask.frPyObjects(polygons, height, width)
    return Rles(size, tuple(part["counts"] for part in parts)).union().counts[0]


def as_id(id: Any) -> int | str:
    """What one entry of a file calls another; ValueError where it is neither a number nor a text."""
    if not isinstance(id, int | str):
        raise ValueError(f"an id is a number or a text, not {id!r}")
    return id


def within(value: Any, low: float, high: float, *, otherwise: float) -> float:
    """A number in [low, high], `otherwise` for None; ValueError where it is something else."""
    number = otherwise if value is None else float(value)
    if value is not None and not low <= number <= high:
        raise ValueError(f"{value!r} is not from {low:g} to {high:g}")
    return number


def only_video(source: Path) -> dict[str, Any]:
    """The one entry of `videos`, empty where there are none.

    Raises:
        InputError: there are several.
    """
    videos = list(items(source, "videos.item"))
    if len(videos) > 1 or any(not isinstance(video, dict) for video in videos):
        raise InputError(f"expected one video in {source}, got {len(videos)}: split it into a file for each")
    return videos[0] if videos else {}
