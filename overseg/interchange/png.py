"""PNGs whose values are numbers."""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Integer, Shaped
from PIL import Image, UnidentifiedImageError

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.video.packets import refuse_absurd_size, refuse_swelling

_NUMBER_MODES = ("1", "L", "P", "I", "I;16", "RGB")


@lru_cache
def davis_palette() -> bytes:
    """The colours by which VOC and DAVIS show numbers: their bits, three at a time, to red, green and blue.

    Source: the development kit of PASCAL VOC, VOClabelcolormap.
    """
    numbers = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for place in range(8):
        for channel in range(3):
            palette[:, channel] |= ((numbers >> (3 * place + channel) & 1) << (7 - place)).astype(np.uint8)
    return palette.tobytes()


def palette_png(numbers: Integer[np.ndarray, "h w"]) -> bytes:
    """Numbers from 0 to 255 as a PNG with DAVIS's palette."""
    image = Image.fromarray(np.ascontiguousarray(numbers, np.uint8))
    image.putpalette(davis_palette())
    return encoded(image)


def encoded(image: Image.Image) -> bytes:
    """The file of a picture."""
    file = BytesIO()
    image.save(file, format="PNG", compress_level=3)
    return file.getvalue()


def mask_png(mask: Rles) -> bytes:
    """One mask as a PNG: 255 where it is, 0 elsewhere."""
    return encoded(Image.fromarray(255 * mask.to_masks()[0].astype(np.uint8)))


def read_png(path: Path, size: tuple[int, int]) -> Shaped[np.ndarray, "..."]:
    """The values of a PNG of a size: numbers [h, w] where it has a palette or grey values, or colours [h, w, 3].

    Raises:
        InputError: it cannot be read, has another size, or has other channels.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            refuse_absurd_size((image.height, image.width), path)
            refuse_swelling((image.height, image.width), path.stat().st_size, path)
            if (image.height, image.width) != size:
                raise InputError(
                    f"expected {size[1]} x {size[0]} px in {path}, as in the first file, "
                    f"got {image.width} x {image.height}"
                )
            if image.mode not in _NUMBER_MODES:
                raise InputError(f"expected a PNG of numbers or of red, green and blue in {path}, got {image.mode}")
            return np.asarray(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as e:
        raise InputError(f"expected a PNG in {path}, cannot read it ({' '.join(str(e).split())}); replace it") from e


def read_numbers(path: Path, size: tuple[int, int]) -> Shaped[np.ndarray, "h w"]:
    """The numbers of a PNG of a size; a colour counts as red + 256 green + 65536 blue.

    Raises:
        InputError: it cannot be read, or has another size.
    """
    values = read_png(path, size)
    return values if values.ndim == 2 else values.astype(np.int64) @ np.array([1, 256, 65536])


def read_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture of any kind, from its header.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            refuse_absurd_size((image.height, image.width), path)
            if image.format == "PNG":
                refuse_swelling((image.height, image.width), path.stat().st_size, path)
            return image.height, image.width
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as e:
        raise InputError(f"expected a picture in {path}, cannot read it ({' '.join(str(e).split())})") from e
