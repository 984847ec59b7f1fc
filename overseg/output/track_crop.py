"""A small picture of one mask with what surrounds it."""

import numpy as np
from jaxtyping import UInt8

from overseg.data.masks import TrackMasks
from overseg.output.colours import track_colours

_MARGIN = 0.25  # around a mask's box, as a share of its longer side
_LEAST_BOX_PX = 24
_BESIDE = 0.35  # how much of the picture's colour is left outside the mask; the rest is light grey
_LIGHT_GREY = 225


def track_crop(rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, *, side_px: int) -> UInt8[np.ndarray, "s s 3"]:
    """Return a square picture of a mask: the surroundings are pale, the outline has the colour of the track.

    Args:
        rgb: the picture of the frame.
        masks: one mask of this frame.
        side_px: the length of a side.
    """
    import cv2

    left, top, side = _square(masks.rles.boxes_xywh()[0], rgb.shape[:2])
    inside = masks.rles.to_masks()[0]
    picture = _cut(rgb, left, top, side, _LIGHT_GREY)
    mask = _cut(inside.view(np.uint8), left, top, side, 0)
    smaller = cv2.INTER_AREA if side > side_px else cv2.INTER_LINEAR
    picture = cv2.resize(picture, (side_px, side_px), interpolation=smaller)
    mask = cv2.resize(mask * 255, (side_px, side_px), interpolation=smaller) > 127
    pale = cv2.addWeighted(picture, _BESIDE, np.full_like(picture, _LIGHT_GREY), 1 - _BESIDE, 0)
    picture = np.where(mask[..., None], picture, pale)
    outline, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    colour = track_colours(masks.track[:1])[0].tolist()
    return cv2.drawContours(np.ascontiguousarray(picture), outline, -1, colour, 2, cv2.LINE_AA)


def _square(box_xywh: np.ndarray, size: tuple[int, ...]) -> tuple[int, int, int]:
    """(left, top, side) in pixels of a square around the box; it reaches beyond the picture only where it must."""
    left, top, width, height = box_xywh.tolist()
    side = int(min(max(width, height, _LEAST_BOX_PX) * (1 + 2 * _MARGIN), max(size)))
    return _placed(left + width / 2, side, size[1]), _placed(top + height / 2, side, size[0]), side


def _placed(centre: float, side: int, n_px: int) -> int:
    """Where a side around the centre begins; inside the picture if it fits."""
    return (n_px - side) // 2 if side > n_px else min(max(0, round(centre - side / 2)), n_px - side)


def _cut(picture: np.ndarray, left: int, top: int, side: int, beyond: int) -> np.ndarray:
    """The square of a picture; `beyond` where it reaches beyond the border."""
    height, width = picture.shape[:2]
    cut = np.full((side, side, *picture.shape[2:]), beyond, picture.dtype)
    rows, columns = slice(max(0, top), min(height, top + side)), slice(max(0, left), min(width, left + side))
    cut[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = picture[rows, columns]
    return cut
