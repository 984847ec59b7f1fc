"""Pictures whose values are numbers of objects."""

from pathlib import Path

import numpy as np
from jaxtyping import Int64, Integer, Shaped
from PIL import Image, UnidentifiedImageError

from overseg.annotations.objects import LARGEST_ID
from overseg.annotations.values import check_size
from overseg.data.label_map import split
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.video.packets import refuse_absurd_size, refuse_swelling

_BROKEN = (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError)
_COLOUR_MODES = ("RGB", "RGBA", "CMYK", "YCbCr")
_PLACES = np.array([1, 256, 65536])
VOID = 255  # of DAVIS: pixels of which nothing is known


def read_numbers(path: Path, size: tuple[int, int], *, red_first: bool = False) -> Shaped[np.ndarray, "h w"]:
    """The number of each pixel of a PNG: its grey value, its place in the palette, or red + 256 green + 65536 blue.

    Args:
        path: the file.
        size: (height, width) that it must have.
        red_first: the number of a colour is 65536 red + 256 green + blue, so that numbers are ordered by red first.

    Raises:
        InputError: it cannot be read, or has another size.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            _refuse_absurd(image, path)
            check_size((image.height, image.width), size, path)
            if image.mode in _COLOUR_MODES:
                return np.asarray(image.convert("RGB")).astype(np.int64) @ _PLACES[:: -1 if red_first else 1]
            values = np.asarray(image)
            return values if values.ndim == 2 else values[..., 0]  # without alpha
    except _BROKEN as e:
        raise InputError(f"expected masks as a PNG in {path}, cannot read it ({_one_line(e)}); replace it") from e


def read_mask(path: Path, size: tuple[int, int]) -> Rles:
    """The one mask of a PNG, its pixels that are not 0.

    Raises:
        InputError: it cannot be read, or has another size.
    """
    return Rles.from_masks((read_numbers(path, size) != 0)[None])


def masks_of_numbers(
    pixels: Integer[np.ndarray, "h w"], *, nothing: tuple[int, ...] = (0,)
) -> tuple[Rles, Int64[np.ndarray, " n"]]:
    """The mask of each number in a map but those that stand for nothing, and the numbers, ascending."""
    values, place = np.unique(pixels, return_inverse=True)
    rles = split(place.reshape(pixels.shape).astype(np.int32), len(values))
    kept = np.flatnonzero(~np.isin(values, nothing) & (values <= LARGEST_ID))
    return rles.take(kept), values[kept].astype(np.int64)


def read_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture of any kind, from its header.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            _refuse_absurd(image, path)
            return image.height, image.width
    except _BROKEN as e:
        raise InputError(f"expected a picture in {path}, cannot read it ({_one_line(e)}); replace it") from e


def _refuse_absurd(image: Image.Image, path: Path) -> None:
    refuse_absurd_size((image.height, image.width), path)
    if image.format == "PNG":
        refuse_swelling((image.height, image.width), path.stat().st_size, path)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
