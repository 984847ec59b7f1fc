"""Dissimilarity of two small pictures, with motion of the scene allowed for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, UInt8

_LONG_PX, _SHORT_PX = 64, 36
_BLOCK_LONG_PX, _BLOCK_SHORT_PX = 8, 9
_SEARCH_PX = 6  # about a tenth of the picture's longer side, per frame of distance
_MAX_SEARCH_PX = 12
_TEXTURED_LEVELS = 5.0  # standard deviation in grey levels from which only the texture of a block counts
_OTHER_COLOUR_LEVELS = 64.0  # difference of mean levels from which a block without texture is fully different
_FLAT_SHARE = 0.1


@dataclass(frozen=True)
class Thumbnail:
    """A picture of 64 x 36 px (upright ones 36 x 64) and the mean colours of its blocks.

    Attributes:
        rgb: the small picture.
        grey: its brightness, 0 to 255.
        block_rgb: mean colour of each block.
        block_texture: standard deviation of the brightness in each block, in grey levels.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    grey: UInt8[np.ndarray, "h w"]
    block_rgb: Float32[np.ndarray, "by bx 3"]
    block_texture: Float64[np.ndarray, "by bx"]

    @classmethod
    def of(cls, rgb: UInt8[np.ndarray, "h w 3"]) -> "Thumbnail":
        """Make the thumbnail of a picture of any size."""
        import cv2

        is_upright = rgb.shape[0] > rgb.shape[1]
        size = (_SHORT_PX, _LONG_PX) if is_upright else (_LONG_PX, _SHORT_PX)
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        block_height, block_width = _block_size(small.shape)
        n_blocks = (size[0] // block_width, size[1] // block_height)
        block_rgb = cv2.resize(small.astype(np.float32), n_blocks, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        blocks = grey.reshape(n_blocks[1], block_height, n_blocks[0], block_width).swapaxes(1, 2)
        texture = blocks.reshape(*n_blocks[::-1], -1).std(axis=2)
        return cls(rgb=small, grey=grey, block_rgb=block_rgb, block_texture=texture)


def mean_difference(one: Thumbnail, other: Thumbnail) -> float:
    """Mean absolute difference of two pictures in levels, pixel by pixel, in [0, 255]. Fast."""
    import cv2

    return float(cv2.norm(one.rgb, other.rgb, cv2.NORM_L1)) / one.rgb.size


def dissimilarity(one: Thumbnail, other: Thumbnail, *, n_frames_apart: int = 1) -> float:
    """Return 0 if every block of each picture is found near its place in the other, 1 if none is; symmetric.

    A block with texture is searched by normalised cross-correlation, which tolerates motion and changes of light. A
    block without texture is compared by its mean colour.

    Args:
        one, other: the pictures.
        n_frames_apart: distance of the pictures in frames; a block may move a tenth of the picture per frame, and a
            fifth in all.
    """
    reach = min(_SEARCH_PX * n_frames_apart, _MAX_SEARCH_PX)
    return (_unfound(one, other, reach) + _unfound(other, one, reach)) / 2


def _unfound(one: Thumbnail, other: Thumbnail, reach: int) -> float:
    """Mean dissimilarity, in [0, 1], of the blocks of `one` to their best match in `other` within `reach` pixels."""
    import cv2

    field = cv2.copyMakeBorder(other.grey, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    colour = np.minimum(1, np.abs(one.block_rgb - other.block_rgb).mean(axis=2) / _OTHER_COLOUR_LEVELS)
    height, width = _block_size(one.grey.shape)
    textured = np.minimum(1.0, one.block_texture / _TEXTURED_LEVELS)
    correlation = np.zeros(colour.shape)
    for row, column in np.argwhere(textured > _FLAT_SHARE).tolist():  # below that, rounding errors would be correlated
        y, x = row * height, column * width
        near = field[y : y + height + 2 * reach, x : x + width + 2 * reach]
        found = cv2.matchTemplate(near, one.grey[y : y + height, x : x + width], cv2.TM_CCOEFF_NORMED)
        best = found.max()
        correlation[row, column] = best if np.isfinite(best) else found[np.isfinite(found)].max(initial=0.0)
    correlation = np.clip(correlation, 0, 1)
    return float((textured * (1 - correlation) + (1 - textured) * colour).mean())


def _block_size(size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) in pixels of a block, in a small picture of this (height, width, ...)."""
    return (_BLOCK_LONG_PX, _BLOCK_SHORT_PX) if size[0] > size[1] else (_BLOCK_SHORT_PX, _BLOCK_LONG_PX)
