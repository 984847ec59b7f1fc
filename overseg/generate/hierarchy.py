"""Regions of similar colour at several scales, without weights: for previews."""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.masks import KeyframeMasks, sam_outputs_of
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.errors import SettingsError
from overseg.generate.keep import keep_masks

_WORKING_SIDE_PX = 320  # longer side of the picture that is segmented
_MIN_REGION_PX = 150  # of that picture; smaller regions join a neighbour
_SMOOTHING_PX, _SMOOTHING_COLOUR = 4, 12  # radii of the mean shift, in place and in values of a channel
_CLEAR_CONTRAST = 10.0  # in CIELAB units; a border of this contrast scores one half
_NEAR_DUPLICATE_IOU = 0.9
_MASKS_AT_ONCE = 64


def build(settings: Settings, machine: Machine) -> "HierarchyGenerator":
    """The generator that the settings describe."""
    return HierarchyGenerator(min_area_px=settings.min_area_px, max_masks=settings.max_masks_per_keyframe)


class HierarchyGenerator:
    """Regions of similar colour, from fine to coarse, by the segmentation of Felzenszwalb and Huttenlocher.

    It knows colours and no objects, and is meant for machines without weights and for previews. The picture is first
    shrunk and smoothed, which makes it faster, and the regions steadier from frame to frame.

    The `predicted_iou` of a mask is the contrast of its border, c / (c + 10) with c in CIELAB units. It does not
    estimate an IoU. It is between 0 and 1, and higher for regions that differ from their surroundings.
    """

    keyframe_work = 0.2

    def __init__(
        self,
        *,
        scales: tuple[float, ...] = (120.0, 500.0, 2000.0),
        min_area_px: int = 64,
        max_masks: int | None = None,
    ) -> None:
        """Set up a generator.

        Args:
            scales: a set of regions each, from fine to coarse: the paper's k, for a longer side of 320 px.
            min_area_px: smaller masks are dropped.
            max_masks: only this many are kept, the largest; None keeps all.

        Raises:
            SettingsError: there are no scales, or they are not above 0 and rising.
        """
        if not scales or min(scales) <= 0 or list(scales) != sorted(set(scales)):
            raise SettingsError(f"expected scales above 0, rising from fine to coarse, got {scales}")
        self._scales = scales
        self._min_area_px, self._max_masks = min_area_px, max_masks

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """Regions of `keyframe`, in descending order of their borders' contrast. `propagated` is not used."""
        picture = _working_picture(keyframe.rgb)
        at_scales = [self._at_scale(picture, scale, keyframe.size) for scale in range(len(self._scales))]
        return keep_masks(
            KeyframeMasks.concatenate(at_scales),
            min_area_px=self._min_area_px,
            max_masks=self._max_masks,
            max_iou=_NEAR_DUPLICATE_IOU,
        )

    def _at_scale(self, picture: UInt8[np.ndarray, "h w 3"], scale: int, size: tuple[int, int]) -> KeyframeMasks:
        """The regions at the scale of this number, enlarged to the frame's size."""
        regions = felzenszwalb(picture, scale=self._scales[scale], sigma=0, min_size=_MIN_REGION_PX) + 1
        masks = KeyframeMasks.from_rles(_enlarge(regions, size))
        sam_output = np.full(len(masks), scale, np.int8)
        return replace(
            masks,
            predicted_iou=_border_score(picture, regions),
            sam_output=sam_output,
            sam_outputs=sam_outputs_of(sam_output),
        )


def _working_picture(rgb: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture shrunk, and smoothed within its edges against noise, which changes from frame to frame."""
    height, width = rgb.shape[:2]
    shrink = min(1.0, _WORKING_SIDE_PX / max(height, width))
    size = max(round(width * shrink), 1), max(round(height * shrink), 1)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return cv2.pyrMeanShiftFiltering(small, _SMOOTHING_PX, _SMOOTHING_COLOUR, maxLevel=0)


def _border_score(picture: UInt8[np.ndarray, "h w 3"], regions: Int[np.ndarray, "h w"]) -> Float[np.ndarray, " n"]:
    """Mean contrast of each region's border, from 0 to 1; one half for a region without a border."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    n = int(regions.max())
    contrast, length = np.zeros(n + 1), np.zeros(n + 1)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        border = regions[one] != regions[other]
        difference = np.linalg.norm(lab[one] - lab[other], axis=2)[border]
        for side in (regions[one][border], regions[other][border]):
            contrast += np.bincount(side, weights=difference, minlength=n + 1)
            length += np.bincount(side, minlength=n + 1)
    mean = np.where(length > 0, contrast / np.maximum(length, 1), _CLEAR_CONTRAST)[1:]
    return (mean / (mean + _CLEAR_CONTRAST)).astype(np.float32)


def _enlarge(regions: Int[np.ndarray, "h w"], size: tuple[int, int]) -> Rles:
    """One mask for each region, 1 to n, of the frame's size (height, width): connected, with a smooth outline."""
    row_px, column_px = size[0] / regions.shape[0], size[1] / regions.shape[1]
    boxes = ndimage.find_objects(regions)
    padded = np.pad(regions, 1, mode="edge")  # a region at the picture's edge still touches it when enlarged
    parts = []
    for start in range(0, len(boxes), _MASKS_AT_ONCE):
        chunk = boxes[start : start + _MASKS_AT_ONCE]
        masks = np.zeros((len(chunk), *size), dtype=bool)
        for number, (rows, columns) in enumerate(chunk):
            region = padded[rows.start : rows.stop + 2, columns.start : columns.stop + 2] == start + number + 1
            top, left = round((rows.start - 1) * row_px), round((columns.start - 1) * column_px)
            bottom, right = round((rows.stop + 1) * row_px), round((columns.stop + 1) * column_px)
            whole = _largest_piece(cv2.resize(region.astype(np.float32), (right - left, bottom - top)) > 0.5)
            inside = whole[max(-top, 0) : size[0] - top, max(-left, 0) : size[1] - left]
            masks[number, max(top, 0) : bottom, max(left, 0) : right] = inside
        parts.append(Rles.from_masks(masks))
    return Rles.concatenate(size, parts)


def _largest_piece(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    n, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return mask if n <= 2 else pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
