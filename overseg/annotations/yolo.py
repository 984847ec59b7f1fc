"""YOLO segmentation: a line `class x1 y1 x2 y2 …` for each connected part of a mask, shares of width and height.

There are no tracks: each line is an object of its own.
"""

from pathlib import Path

import numpy as np
from natsort import natsort_key

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import files_in_order
from overseg.annotations.left_out import LeftOut
from overseg.annotations.mot_challenge import read_lines
from overseg.annotations.objects import Objects
from overseg.annotations.png import read_size
from overseg.annotations.polygons import mask_of
from overseg.annotations.values import check_size, tolerated, within
from overseg.data.rles import Rles
from overseg.video.image_source import image_files

LABELS, IMAGES = Path("labels"), Path("images")
TRAIN, VAL = "train", "val"
_SPLITS = (TRAIN, VAL, "test")


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the folder of a data set with `labels/train` and `images/train`, which has the size; and `val` and `test`.

    Raises:
        InputError: a file cannot be read, a line of it is wrong, or there are no images.
    """
    splits = [split for split in _SPLITS if (source / LABELS / split).is_dir()] or [TRAIN]
    found_in = {file: split for split in splits for file in files_in_order(source / LABELS / split, ".txt")}
    files, objects, left_out = sorted(found_in, key=lambda file: natsort_key(file.stem)), Objects(), LeftOut()
    first = image_files(source / IMAGES / splits[0])[0]
    found = read_size(first)
    if size:
        check_size(found, size, first)

    def masks(row: int) -> PictureMasks:
        return _masks(files[row], found, objects, left_out)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, found, pictures, masks, objects, left_out, name=source.name)


def _masks(file: Path, size: tuple[int, int], objects: Objects, left_out: LeftOut) -> PictureMasks:
    rles, ids = [], []
    for line, text in enumerate(read_lines(file), 1):
        with tolerated(file, f"line {line}", left_out):
            shares = np.array([within(share, 0, 1, otherwise=0) for share in text.split()[1:]])
            if len(shares) < 6 or len(shares) % 2:
                raise ValueError("no polygon of three or more points")
            mask = mask_of([shares.reshape(-1, 2) * np.array(size[::-1])], size)
            rles.append(Rles.from_masks(mask[None]))
            ids.append(objects.new())
    return PictureMasks(Rles.concatenate(size, rles), np.array(ids, np.int64))
