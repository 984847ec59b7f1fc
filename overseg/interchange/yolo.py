"""YOLO segmentation: a line `class x1 y1 x2 y2 …` for each mask, shares of width and height, in a split for validation.

There are no tracks.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Real

from overseg.annotations.yolo import IMAGES, LABELS, TRAIN, VAL
from overseg.interchange.selection import SelectedFrame, Selection

_STEP = 1e-6  # of what is written


def write_all(selections: Sequence[Selection], pictures: Sequence[list[str]], folder: Path) -> None:
    """Write `labels/train/<picture>.txt` or `labels/val/<picture>.txt` for every frame, and `data.yaml`."""
    for selection, names in zip(selections, pictures, strict=True):
        for frame, picture in zip(selection, names, strict=True):
            path = folder / LABELS / Path(picture).parent.name / f"{Path(picture).stem}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(_lines(selection, frame)), encoding="ascii")
    splits = {Path(picture).parent.name for names in pictures for picture in names}
    validation = VAL if VAL in splits else TRAIN
    content = {
        "path": ".",
        "train": (IMAGES / TRAIN).as_posix(),
        "val": (IMAGES / validation).as_posix(),
        "names": dict(enumerate(selections[0].categories)),
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _lines(selection: Selection, frame: SelectedFrame) -> list[str]:
    row = np.searchsorted(selection.objects.id, frame.masks.track)
    return [
        f"{category} {shares_of(polygon, selection.size)}\n"
        for place, category in enumerate(selection.objects.category[row].tolist())
        for polygon in selection.polygons(frame.masks.rles.take([place]).to_masks()[0])
    ]


def shares_of(polygon: Real[np.ndarray, "_ 2"], size: tuple[int, int]) -> str:
    """Coordinates as shares, rounded up, so that readers that cut off and readers that round find the same pixel."""
    points = polygon if len(polygon) > 2 else polygon[[0, -1, -1]]  # a line of the file has at least three
    shares = np.ceil(points / np.array(size[::-1]) / _STEP) * _STEP
    return " ".join(f"{share:.6f}" for share in shares.ravel().tolist())
