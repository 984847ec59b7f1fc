"""A JSON list of the masks of one picture, as SAM's automatic mask generator writes it."""

from pathlib import Path
from typing import Any

import numpy as np

from overseg.annotations.annotations import PictureMasks
from overseg.annotations.encoded import json_of
from overseg.annotations.left_out import LeftOut
from overseg.annotations.values import as_score, as_size_of_mask, mask_counts, tolerated
from overseg.data.rles import Rles
from overseg.errors import InputError

_FORM = '{"segmentation": {"size": [height, width], "counts": COCO RLE}}'


def read_masks(path: Path, size: tuple[int, int], left_out: LeftOut) -> PictureMasks:
    """The masks of a list of `{"segmentation": {"size": [height, width], "counts": …}}`, or with polygons.

    Counts are compressed or a list of runs. "predicted_iou", "stability_score" and "point_coords" are optional. The
    list may also stand under "annotations", as in SA-1B's files. An entry that is wrong is counted as left out.

    Raises:
        InputError: the file cannot be read.
    """
    counts, columns = [], []
    for at, entry in enumerate(_entries(path)):
        with tolerated(path, f"entry {at}", left_out):
            found = mask_counts(entry["segmentation"], size, f"{path}: entry {at}", left_out)
            scores = (as_score(entry.get(name)) for name in ("predicted_iou", "stability_score"))
            columns.append((*scores, *_point(entry)))
            counts.append(found)
    score, stability_score, *point_xy = np.array(columns, np.float32).reshape(-1, 4).T
    known = {"score": score, "stability_score": stability_score, "point_xy": np.stack(point_xy, axis=1)}
    return PictureMasks(Rles(size, tuple(counts)), np.arange(len(counts), dtype=np.int64), known)


def read_masks_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the masks in a list, as its first run lengths state it; None where it has none.

    Raises:
        InputError: the file cannot be read.
    """
    for entry in _entries(path):
        try:
            return as_size_of_mask(entry["segmentation"])
        except (KeyError, TypeError, ValueError):
            continue
    return None


def _entries(path: Path) -> list[Any]:
    try:
        content = json_of(path)
    except (OSError, ValueError, RecursionError) as e:
        raise InputError(f"expected JSON in {path}, cannot read it: {_first_line(e)}") from e
    if isinstance(content, dict):
        content = content.get("annotations")
    if not isinstance(content, list):
        raise InputError(f'expected a list of masks as {_FORM} in {path}, or one under "annotations", got neither')
    return content


def _point(entry: dict[str, Any]) -> tuple[float, float]:
    """The prompt point of a mask, where it was exactly one; else NaN."""
    points = entry.get("point_coords")
    if not points or len(points) != 1:
        return (float("nan"), float("nan"))
    x, y = points[0]
    return float(x), float(y)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
