"""A JSON list of the masks of one picture, as SAM's automatic mask generator writes it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from overseg.annotations.annotations import PictureMasks
from overseg.annotations.rle_text import to_counts
from overseg.annotations.values import check_size
from overseg.data.rles import Rles
from overseg.errors import InputError

_FORM = '{"segmentation": {"size": [height, width], "counts": COCO RLE}}'


def read_masks(path: Path, size: tuple[int, int]) -> PictureMasks:
    """The masks of a list of `{"segmentation": {"size": [height, width], "counts": …}}`.

    Counts are compressed or a list of runs. "predicted_iou", "stability_score" and "point_coords" are optional. The
    list may also stand under "annotations", as in SA-1B's files.

    Raises:
        InputError: the file cannot be read, or its masks have another size.
    """
    entries = _entries(path)
    try:
        counts = tuple(_counts(entry["segmentation"], size, path) for entry in entries)
        columns = {
            "score": _scores(entries, "predicted_iou"),
            "stability_score": _scores(entries, "stability_score"),
            "point_xy": np.array([_point(entry) for entry in entries], np.float32).reshape(-1, 2),
        }
    except (KeyError, TypeError, ValueError, IndexError) as e:
        raise InputError(
            f"expected masks as {_FORM} in {path}, got something else ({type(e).__name__}: {_first_line(e)}); polygons "
            "have to be turned into RLE first"
        ) from e
    return PictureMasks(Rles(size, counts), np.arange(len(counts), dtype=np.int64), columns)


def read_masks_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the masks in a list; None where it has none.

    Raises:
        InputError: the file cannot be read.
    """
    for entry in _entries(path)[:1]:
        try:
            height, width = (int(px) for px in entry["segmentation"]["size"])
        except (KeyError, TypeError, ValueError) as e:
            raise InputError(f"expected masks as {_FORM} in {path}") from e
        return height, width
    return None


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as e:
        raise InputError(f"expected JSON in {path}, cannot read it: {_first_line(e)}") from e
    if isinstance(content, dict):
        content = content.get("annotations")
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise InputError(f'expected a list of masks in {path}, or one under "annotations", got neither')
    return content


def _counts(segmentation: Any, size: tuple[int, int], path: Path) -> bytes:
    height, width = (int(px) for px in segmentation["size"])
    check_size((height, width), size, path)
    return to_counts(segmentation["counts"], n_pixels=height * width, height=height)


def _scores(entries: list[dict[str, Any]], key: str) -> Float32[np.ndarray, " n"]:
    """A score for each mask, cut to [0, 1], since models overshoot; 1 where the file has none."""
    scores = np.array([1.0 if entry.get(key) is None else float(entry[key]) for entry in entries], np.float32)
    if not np.isfinite(scores).all():
        raise ValueError(f"{key} is not finite")
    return scores.clip(0, 1)


def _point(entry: dict[str, Any]) -> tuple[float, float]:
    """The prompt point of a mask, where it was exactly one; else NaN."""
    points = entry.get("point_coords")
    if not points or len(points) != 1:
        return (float("nan"), float("nan"))
    x, y = points[0]
    return float(x), float(y)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
