"""PNGs whose values are numbers."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from jaxtyping import Int64, Integer
from PIL import Image

from overseg.data.crops import crops
from overseg.data.rles import Rles


def number_map(rles: Rles, numbers: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "h w"]:
    """The number of each pixel's mask, of masks that do not overlap; 0 where there is none."""
    pixels = np.zeros(rles.size[::-1], np.int64)
    for (box, mask), number in zip(crops(rles), numbers.tolist(), strict=True):
        np.copyto(pixels[box], number, where=mask)
    return pixels.T


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
