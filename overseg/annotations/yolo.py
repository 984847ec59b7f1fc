"""YOLO: a line `class x1 y1 x2 y2 …` for each mask, or `class x y width height` for a box, shares of width and height.

There are no tracks, but in the lines of a tracker, which end with a number, perhaps after a score: any other line is an
object of its own.
"""

from pathlib import Path

import numpy as np
from natsort import natsort_key

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.left_out import LeftOut
from overseg.annotations.mot_challenge import read_lines
from overseg.annotations.objects import Objects
from overseg.annotations.png import read_frame_size
from overseg.annotations.polygons import mask_of
from overseg.annotations.values import (
    SizeUnknownError,
    as_score,
    box_counts,
    check_size,
    tolerated,
    with_pixels,
    within,
)
from overseg.annotations.yolo_layout import IMAGES, LABELS, class_names, first_image, label_files
from overseg.data.rles import Rles

__all__ = ["IMAGES", "LABELS", "TRAIN", "VAL", "read"]
TRAIN, VAL = "train", "val"
_BOX = 4  # numbers of a line, after its class
_LEAST = 6  # numbers of a polygon
_OUTSIDE = 1.0  # how far polygons may reach beyond the picture, as a share


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a data set as `yolo_layout.label_files` finds it, or its `data.yaml`; images have the size.

    Raises:
        SizeUnknownError: there are no images, and no size.
        InputError: a file cannot be read, or there are no labels.
    """
    source = source.parent if source.suffix.lower() in (".yaml", ".yml") else source
    found = label_files(source)
    files, names = sorted(found, key=lambda file: natsort_key(file.stem)), class_names(source)
    objects, left_out = Objects(), LeftOut()
    image = first_image(list(dict.fromkeys(found.values())))
    stated = None if image is None else read_frame_size(image)
    if stated and size:
        check_size(stated, size, str(image))
    known = stated or size
    if known is None:
        raise SizeUnknownError(f"expected images beside the labels in {source}, which have their size, found none")

    n_extra = 2 if _have_scores_and_tracks(files) else None

    def masks(row: int) -> PictureMasks:
        return _masks(files[row], known, names, objects, left_out, n_extra)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, known, pictures, masks, objects, left_out, name=source.name)


def _have_scores_and_tracks(files: list[Path]) -> bool:
    """Whether lines end with a score and the number of a track: a number over 1, which is no share, tells it of all."""
    return any(_ends_with_track(text.split()[1:]) for file in files for text in read_lines(file))


def _ends_with_track(numbers: list[str]) -> bool:
    try:
        *shares, score, track = map(float, numbers)
    except ValueError:
        return False
    are_shares = all(-_OUTSIDE <= one <= 1 + _OUTSIDE for one in shares) and 0 <= score <= 1
    return len(shares) >= _BOX and len(shares) % 2 == 0 and are_shares and track > 1 and numbers[-1].isdecimal()


def _masks(
    file: Path,
    size: tuple[int, int],
    names: dict[int, str],
    objects: Objects,
    left_out: LeftOut,
    n_extra: int | None,
) -> PictureMasks:
    """The masks of a picture; `n_extra` numbers follow those of a mask, and None means one where their count is odd."""
    counts, ids, scores = [], [], []
    for line, text in enumerate(read_lines(file), 1):
        with tolerated(file, f"line {line}", left_out):
            of_class, *numbers = text.split()
            n_shares = len(numbers) - (len(numbers) % 2 if n_extra is None else n_extra)
            shares = [within(one, -_OUTSIDE, 1 + _OUTSIDE, otherwise=0) for one in numbers[:n_shares]]
            extra = numbers[n_shares:]  # of a model: its score; of a tracker: the object, perhaps after the score
            mask = _counts(np.array(shares), size)
            score = next((as_score(one) for one in extra if not one.isdecimal()), 1.0)
            track = next((one for one in reversed(extra) if one.isdecimal()), None)
            id = objects.new() if track is None else objects.number(track)
            objects.note(id, names.get(int(of_class)))
            counts.append(mask)
            ids.append(id)
            scores.append(score)
    columns = {"score": np.array(scores, np.float32)}
    return PictureMasks(Rles(size, tuple(counts)), np.array(ids, np.int64), columns)


def _counts(shares: np.ndarray, size: tuple[int, int]) -> bytes:
    height, width = size
    if len(shares) == _BOX:
        x, y, w, h = shares * [width, height, width, height]
        return box_counts(x - w / 2, y - h / 2, w, h, size)
    if len(shares) < _LEAST:
        raise ValueError("neither a box nor a polygon of three or more points")
    mask = mask_of([shares.reshape(-1, 2) * np.array([width, height])], size)
    return with_pixels(Rles.from_masks(mask[None]).counts[0], size)
