"""Draws the masks of a frame over its picture."""

import math

import numpy as np
from jaxtyping import Bool, Int, Int32, UInt8

from overseg.data.crops import crops
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.output.colours import track_colours

_OUTLINE_LIGHTER = 0.08  # than the fill, in OKLab's lightness
_OUTLINE_OPACITY = 0.75  # less than 1, so that a crowd of small masks does not become all lines
_LINES_PER_OUTLINE_PX = 720
_LARGE_SHARE = 0.02  # of a picture; larger masks have wider outlines, which stay visible inside those of parts


def draw_masks(
    rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, *, opacity: float = 0.5
) -> UInt8[np.ndarray, "h w 3"]:
    """Return a copy of a picture with all masks drawn over it; pixels under no mask stay unchanged.

    Every mask is filled in the colour of its track and has a lighter outline. Large masks lie below small ones, so that
    a part shows on top of the whole that it belongs to.

    Args:
        rgb: the picture.
        masks: masks of this picture.
        opacity: share of the fill colour in a covered pixel, in [0, 1]; the rest is the picture. Outlines lie on top.
    """
    import cv2

    if not len(masks):
        return rgb.copy()
    order = _large_first(masks)
    fills, outlines = _layers(masks.rles.take(order))
    tracks = masks.track[order]
    drawn = cv2.addWeighted(rgb, 1 - opacity, _coloured(fills, track_colours(tracks)), opacity, 0)
    lines = _coloured(outlines, track_colours(tracks, lighter=_OUTLINE_LIGHTER))
    outlined = cv2.addWeighted(drawn, 1 - _OUTLINE_OPACITY, lines, _OUTLINE_OPACITY, 0)
    cv2.copyTo(outlined, (outlines > 0).view(np.uint8), drawn)
    return cv2.copyTo(drawn, (fills > 0).view(np.uint8), rgb.copy())


def _large_first(masks: TrackMasks) -> Int[np.ndarray, " n"]:
    """Row numbers by decreasing area; among equal areas the later track comes last."""
    return np.lexsort((masks.track, -masks.rles.area_px()))


def _layers(rles: Rles) -> tuple[Int32[np.ndarray, "h w"], Int32[np.ndarray, "h w"]]:
    """The topmost mask of each pixel, and the topmost outline: 1 + row number, 0 where there is none.

    Args:
        rles: masks from bottom to top.
    """
    fills = np.zeros(rles.size[::-1], np.int32)
    outlines = np.zeros_like(fills)
    narrow_px = max(1, round(min(rles.size) / _LINES_PER_OUTLINE_PX))
    wide_px = math.ceil(1.5 * narrow_px)
    is_large = rles.area_px() >= _LARGE_SHARE * rles.size[0] * rles.size[1]
    for layer, (box, mask) in enumerate(crops(rles, margin_px=1), start=1):
        np.copyto(fills[box], layer, where=mask)
        np.copyto(outlines[box], layer, where=_outline(mask, wide_px if is_large[layer - 1] else narrow_px))
    return np.ascontiguousarray(fills.T), np.ascontiguousarray(outlines.T)


def _outline(mask: Bool[np.ndarray, "x y"], width_px: int) -> Bool[np.ndarray, "x y"]:
    """The pixels of a mask within `width_px` of a pixel outside it. The picture's edge is not an outline."""
    import cv2

    if not mask.size:
        return mask
    inside = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8), iterations=width_px)
    return mask & (inside == 0)


def _coloured(layers: Int32[np.ndarray, "h w"], colours: UInt8[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The colour of each pixel's layer, black where there is none."""
    import cv2

    packed = np.zeros((len(colours) + 1, 4), np.uint8)  # one number per colour: indexing is several times faster
    packed[1:, :3] = colours
    picture = packed.view(np.uint32)[:, 0][layers]
    return cv2.cvtColor(picture.view(np.uint8).reshape(*layers.shape, 4), cv2.COLOR_RGBA2RGB)
