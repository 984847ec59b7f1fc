"""YOLO segmentation: a line `class x1 y1 x2 y2 …` for each connected part of a mask, shares of width and height.

There are no tracks.
"""

from pathlib import Path

import numpy as np
import yaml

from overseg.annotations.polygons import Polygon, polygons_of
from overseg.annotations.yolo import IMAGES, LABELS
from overseg.interchange.selection import Selection

_STEP = 1e-6  # of what is written


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `labels/train/<picture>.txt` for every frame, and `data.yaml`."""
    (folder / LABELS).mkdir(parents=True)
    for frame, picture in zip(selection, pictures, strict=True):
        row = np.searchsorted(selection.objects.id, frame.masks.track)
        with (folder / LABELS / f"{Path(picture).stem}.txt").open("w", encoding="ascii") as file:
            for place, category in enumerate(selection.objects.category[row].tolist()):
                for polygon in polygons_of(frame.masks.rles.take([place]).to_masks()[0]):
                    file.write(f"{category} {shares_of(polygon, selection.size)}\n")
    names = dict(enumerate(selection.categories))
    content = {"path": ".", "train": IMAGES.as_posix(), "val": IMAGES.as_posix(), "names": names}
    (folder / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def shares_of(polygon: Polygon, size: tuple[int, int]) -> str:
    """Coordinates as shares, rounded up, so that readers that cut off and readers that round find the same pixel."""
    points = polygon if len(polygon) > 2 else polygon[[0, -1, -1]]  # a line of the file has at least three
    shares = np.ceil(points / np.array(size[::-1]) / _STEP) * _STEP
    return " ".join(f"{share:.6f}" for share in shares.ravel().tolist())
