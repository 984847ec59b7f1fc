"""One picture as a mask, or as a map of several objects."""

from pathlib import Path

import numpy as np
from PIL import Image

from overseg.annotations.png import MIDDLE, MOST_OBJECTS, VOID, is_lossy, numbers_of
from overseg.annotations.void import masks_of_map
from overseg.data.rles import Rles

_WHITE = 255 * (1 + 256 + 65536)


def read_picture_masks(path: Path, size: tuple[int, int]) -> dict[int, Rles] | tuple[int, int]:
    """The mask of each object in a picture of any kind, by the object's number; or the picture's size, if it differs.

    A JPEG, or a WebP that is not lossless, is one mask, its pixels of at least half of white. In a palette, and in a
    map of few values or colours without white, each value but 0 is an object. 255 is void in a palette that
    has other values, and beside 1, 2 and so on in a grey map; 10000 is in maps as of KITTI. A cut-out with alpha is one
    mask, what is opaque of it. Any other picture is one mask, its pixels that are not black: soft edges up to white
    belong to it.

    Args:
        path: the file.
        size: (height, width) that it must have.

    Raises:
        OSError, SyntaxError, ValueError, Image.DecompressionBombError: it is no picture.
    """
    with Image.open(path) as picture:
        found = (picture.height, picture.width)
        if found != size:
            return found
        if is_lossy(picture, path) and picture.mode != "RGBA":
            return {1: Rles.from_masks((np.asarray(picture.convert("L")) >= MIDDLE)[None])}
        has_palette, pixels = picture.mode in ("P", "PA"), numbers_of(picture, path)
    values = set(np.unique(pixels[pixels != 0]).tolist())
    has_void = has_palette or _counts_objects(values)
    is_map = has_void or not {VOID, _WHITE} & values
    if not is_map or not 1 < len(values) <= MOST_OBJECTS:
        return {1: Rles.from_masks((pixels != 0)[None])}
    masks = masks_of_map(pixels, void=VOID)
    return {number: masks.rles.take([row]) for row, number in enumerate(masks.object.tolist())}


def _counts_objects(values: set[int]) -> bool:
    """Whether the values are numbers of several objects from 1 on, and void, rather than those of soft edges."""
    n = len(values - {VOID})
    return n > 1 and values == {*range(1, n + 1), VOID}
