"""Masks in another size: those of shrunk frames in the size of the input, and the reverse."""

from dataclasses import replace

import numpy as np

from overseg.annotations.annotations import PictureMasks
from overseg.data.rles import Rles

_HALF = 128


def resized(rles: Rles, size: tuple[int, int]) -> Rles:
    """The masks in another (height, width). A pixel belongs to a mask that covers half of it.

    A mask that covers half of no pixel, such as a thin line, gets all pixels that it touches: none disappears. Masks
    that fit together without overlap still do, but for pixels that two of them share equally.
    """
    if rles.size == size:
        return rles
    return Rles.concatenate(size, [_resized(rles.take([row]), size) for row in range(len(rles))])


def _resized(rle: Rles, size: tuple[int, int]) -> Rles:
    import cv2

    before = rle.to_masks()[0].view(np.uint8) * 255
    grows = size[0] >= rle.size[0] and size[1] >= rle.size[1]
    covered = cv2.resize(before, size[::-1], interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA)
    mask = covered >= _HALF
    return Rles.from_masks((mask if mask.any() else covered > 0)[None])


def in_size(masks: PictureMasks, size: tuple[int, int]) -> PictureMasks:
    """The masks of a picture, and its void pixels, in another (height, width)."""
    void = None if masks.void is None else resized(masks.void, size)
    return replace(masks, rles=resized(masks.rles, size), void=void)
