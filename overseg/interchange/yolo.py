"""YOLO segmentation: a line `class x1 y1 x2 y2 …` for each connected part of a mask, shares of width and height.

There are no tracks: read again, each line is an object of its own.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import yaml

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.folders import files_in_order
from overseg.interchange.imported import FIRST_OWN_ID, Imported, imported_masks
from overseg.interchange.json_input import checked, within
from overseg.interchange.mot_challenge import read_lines
from overseg.interchange.png import read_size
from overseg.interchange.polygons import Polygon, mask_of, polygons_of
from overseg.interchange.selection import Selection
from overseg.video.image_source import image_files

LABELS, IMAGES = Path("labels", "train"), Path("images", "train")
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


def read(source: Path) -> Imported:
    """Read the folder of a data set with `labels/train` and `images/train`, which tells the size.

    Raises:
        InputError: a file cannot be read, a line of it is wrong, or there are no images.
    """
    files = files_in_order(source / LABELS, ".txt")
    size = read_size(image_files(source / IMAGES)[0])
    return Imported(size=size, n_frames=len(files), frames=_frames(files, size), name=source.name)


def _frames(files: list[Path], size: tuple[int, int]) -> Iterator[TrackMasks]:
    own = count(FIRST_OWN_ID)
    for file in files:
        rles, ids = [], []
        for line, text in enumerate(read_lines(file), 1):
            with checked(file, f"line {line}"):
                shares = np.array([within(share, 0, 1, otherwise=0) for share in text.split()[1:]])
                if len(shares) < 6 or len(shares) % 2:
                    raise ValueError("no polygon of three or more points")
                mask = mask_of([shares.reshape(-1, 2) * np.array(size[::-1])], size)
                rles.append(Rles.from_masks(mask[None]))
                ids.append(next(own))
        yield imported_masks(Rles.concatenate(size, rles), np.array(ids, np.int64))
