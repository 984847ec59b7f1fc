"""Keyframe masks as segment_anything's own automatic generator makes them, with less work."""

from copy import copy
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.errors import InputError, SettingsError
from overseg.generate.candidates import Thresholds
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.keep import joined_sam_outputs, largest
from overseg.generate.picture_model import PictureModel
from overseg.generate.point_grid import grid_work, point_grid
from overseg.generate.prompt_batches import DEFAULT_POINTS_PER_BATCH, PromptBatches
from overseg.generate.prompting import MIN_SIDE_PX, PromptedFrame
from overseg.generate.ranges import check_at_least, check_shares
from overseg.generate.small_regions import without_small_regions
from overseg.generate.upstream import import_part
from overseg.suppression import box_iou, kept_rows, suppress

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_MASKS_AT_ONCE = 64


class ExactSam1Generator:
    """The masks of segment_anything's `SamAutomaticMaskGenerator`, with the same options under the same names.

    1. The picture, and each crop of it, is encoded and prompted with a whole grid of points.
    2. Masks below the thresholds are dropped before they are enlarged. Masks at the edge of a crop are dropped.
    3. Of masks with near-duplicate boxes one is kept: within a crop the one with the highest predicted IoU, between
       crops the one of the smaller crop.
    4. Small holes and islands are removed. Of masks whose boxes are then near-duplicates, one that had none is kept.

    Propagated masks are not used. `sam_outputs` includes the outputs of the masks that were suppressed.
    """

    def __init__(
        self,
        model: "Sam | PictureModel",
        *,
        points_per_side: int = 32,
        pred_iou_thresh: float = 0.88,
        stability_score_thresh: float = 0.95,
        box_nms_thresh: float = 0.7,
        crop_n_layers: int = 0,
        crop_nms_thresh: float = 0.7,
        crop_overlap_ratio: float = 512 / 1500,
        crop_n_points_downscale_factor: int = 1,
        min_mask_region_area: int = 0,
        min_area_px: int = 1,
        max_masks: int | None = None,
        points_per_batch: int = DEFAULT_POINTS_PER_BATCH,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Set up a generator; nothing is computed yet.

        Args:
            model: in evaluation mode, on the device where it is to run.
            points_per_side: the grid has this number squared of points.
            pred_iou_thresh, stability_score_thresh: the least scores of a mask, each in [0, 1].
            box_nms_thresh: of two masks of one crop whose boxes have a higher IoU, the one with the higher predicted
                IoU is kept.
            crop_n_layers: layers of crops that are prompted in addition to the whole picture. Layer k has 4**k crops.
            crop_nms_thresh: as box_nms_thresh, between crops.
            crop_overlap_ratio: the overlap of crops, as a share of the picture's shorter side.
            crop_n_points_downscale_factor: layer k has points_per_side divided by this to the power k.
            min_mask_region_area: smaller holes and islands of masks are removed, in pixels; 0 removes none.
            min_area_px: smaller masks are dropped.
            max_masks: only this many are kept, the largest; None keeps all.
            points_per_batch: prompts decoded at once on a GPU. On a CPU each is decoded by itself. It changes no mask.
            dtype: type in which the model computes, where that is safe; float32 gives segment_anything's masks.

        Raises:
            SettingsError: an option is out of range.
        """
        check_shares(
            pred_iou_thresh=pred_iou_thresh,
            stability_score_thresh=stability_score_thresh,
            box_nms_thresh=box_nms_thresh,
            crop_nms_thresh=crop_nms_thresh,
            crop_overlap_ratio=crop_overlap_ratio,
        )
        check_at_least(1, points_per_side=points_per_side, points_per_batch=points_per_batch, max_masks=max_masks)
        check_at_least(1, crop_n_points_downscale_factor=crop_n_points_downscale_factor)
        check_at_least(0, crop_n_layers=crop_n_layers, min_mask_region_area=min_mask_region_area)
        self._crop_n_layers, self._crop_downscale = crop_n_layers, crop_n_points_downscale_factor
        self._encoder = FrameEncoder(model, dtype=dtype, exact=True)
        self._set_grids(points_per_side)
        # A threshold of 0 keeps all masks, even those with a negative predicted IoU.
        self._thresholds = Thresholds(pred_iou_thresh or -np.inf, stability_score_thresh or -np.inf)
        self._box_nms_thresh, self._crop_nms_thresh = box_nms_thresh, crop_nms_thresh
        self._crop_overlap_ratio, self._min_region_px = crop_overlap_ratio, min_mask_region_area
        self._min_area_px, self._max_masks = min_area_px, max_masks
        self._batching = PromptBatches(points_per_batch, model.device)

    def thinned(self, share: float) -> "ExactSam1Generator":
        """The same with this share of the points on a side of the grid."""
        thinned = copy(self)
        thinned._set_grids(ceil(share * self._points_per_side))
        return thinned

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """Masks of `keyframe`, the most reliable first; possibly none. `propagated` is not used.

        Raises:
            InputError: the frame, or a crop of it, is less than 32 pixels high or wide.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            masks = self._all_crops(keyframe)
        masks = self._without_small_regions(masks)
        masks = masks.take(masks.rles.area_px() >= self._min_area_px)
        in_range = masks.predicted_iou.clip(0, 1)  # not earlier: estimates above 1 rank masks, too
        return largest(replace(masks, predicted_iou=in_range), self._max_masks)

    def _set_grids(self, points_per_side: int) -> None:
        self._points_per_side = points_per_side
        self._grids = _point_grids(points_per_side, self._crop_n_layers, self._crop_downscale)
        work = self._encoder.model.work
        self.keyframe_work = sum(
            4**layer * grid_work(points_per_side // self._crop_downscale**layer, work=work, share_run=1.0)
            for layer in range(self._crop_n_layers + 1)
        )

    def _all_crops(self, keyframe: Frame) -> KeyframeMasks:
        crops = _crops(keyframe.size, len(self._grids) - 1, self._crop_overlap_ratio)
        _check_sides(keyframe, [box_xyxy for box_xyxy, _ in crops])
        found = [self._one_crop(keyframe, box_xyxy, self._grids[layer]) for box_xyxy, layer in crops]
        if len(found) == 1:
            return found[0]
        area = [(x2 - x1) * (y2 - y1) for (x1, y1, x2, y2), _ in crops]
        crop_area = np.repeat(area, [len(masks) for masks in found])
        return _distinct(KeyframeMasks.concatenate(found), -crop_area, self._crop_nms_thresh)

    def _one_crop(
        self, keyframe: Frame, box_xyxy: tuple[int, int, int, int], grid: Float[np.ndarray, "n 2"]
    ) -> KeyframeMasks:
        """The masks of one crop, which may be the whole picture, at their place in the whole picture."""
        x1, y1, x2, y2 = box_xyxy
        crop = replace(keyframe, rgb=np.ascontiguousarray(keyframe.rgb[y1:y2, x1:x2]))
        prompted = PromptedFrame(
            self._encoder,
            crop,
            batching=self._batching,
            floors=self._thresholds,
            stability_samples=None,
        )
        found = [KeyframeMasks.from_rles(Rles.empty(crop.size))]
        for batch in prompted.prompt_points(grid * prompted.size_xy, np.zeros((0, 2))):
            masks = prompted.enlarge(batch.candidates)
            if crop.size != keyframe.size:  # appearances from different embeddings cannot be compared
                masks = replace(masks, appearance=np.zeros_like(masks.appearance))
            found.append(masks.take(~_cut_off(masks.rles, box_xyxy, keyframe.size)))
        masks = KeyframeMasks.concatenate(found)
        masks = _distinct(masks, masks.predicted_iou, self._box_nms_thresh)
        corner = np.array([x1, y1], np.float32)
        return replace(masks, rles=_placed(masks.rles, (x1, y1), keyframe.size), point_xy=masks.point_xy + corner)

    def _without_small_regions(self, masks: KeyframeMasks) -> KeyframeMasks:
        if self._min_region_px == 0:
            return masks
        rles, changed = without_small_regions(masks.rles, self._min_region_px)
        thresh = max(self._box_nms_thresh, self._crop_nms_thresh)
        return _distinct(replace(masks, rles=rles), (~changed).astype(np.float32), thresh)


def _point_grids(points_per_side: int, n_layers: int, downscale_factor: int) -> list[Float[np.ndarray, "n 2"]]:
    """The grid of each layer of crops, that of the whole picture first."""
    sides = [int(points_per_side / downscale_factor**layer) for layer in range(n_layers + 1)]
    if min(sides) < 1:
        raise SettingsError(
            f"expected a point in every layer of crops, got points_per_side {points_per_side}, crop_n_layers {n_layers}"
            f" and crop_n_points_downscale_factor {downscale_factor}; use fewer layers"
        )
    return [point_grid(side) for side in sides]


def _crops(size: tuple[int, int], n_layers: int, overlap_ratio: float) -> list[tuple[tuple[int, int, int, int], int]]:
    """Box (x1, y1, x2, y2) and layer of every crop, the whole picture first."""
    boxes, layers = import_part("utils.amg").generate_crop_boxes(size, n_layers, overlap_ratio)
    return [((x1, y1, x2, y2), layer) for (x1, y1, x2, y2), layer in zip(boxes, layers, strict=True)]


def _check_sides(keyframe: Frame, crops_xyxy: list[tuple[int, int, int, int]]) -> None:
    width, height = (min(box[axis + 2] - box[axis] for box in crops_xyxy) for axis in (0, 1))
    if len(crops_xyxy) > 1 and min(width, height) < MIN_SIDE_PX:
        raise InputError(
            f"expected crops of at least {MIN_SIDE_PX} pixels a side for SAM, got {width}x{height} of a frame of "
            f"{keyframe.size[1]}x{keyframe.size[0]}; use fewer --crop-n-layers"
        )


def _cut_off(rles: Rles, crop_xyxy: tuple[int, int, int, int], size: tuple[int, int]) -> Bool[np.ndarray, " n"]:
    """Which masks of a crop are near an edge of it that is not an edge of the picture."""
    boxes = torch.from_numpy(_boxes_xyxy(rles))
    return import_part("utils.amg").is_box_near_crop_edge(boxes, list(crop_xyxy), [0, 0, size[1], size[0]]).numpy()


def _placed(rles: Rles, corner_xy: tuple[int, int], size: tuple[int, int]) -> Rles:
    """The masks of a crop with this corner, in a picture of this size."""
    if rles.size == size:
        return rles
    (x, y), (height, width) = corner_xy, rles.size
    parts = []
    for start in range(0, len(rles), _MASKS_AT_ONCE):
        small = rles.take(range(start, min(start + _MASKS_AT_ONCE, len(rles)))).to_masks()
        masks = np.zeros((len(small), *size), bool)
        masks[:, y : y + height, x : x + width] = small
        parts.append(Rles.from_masks(masks))
    return Rles.concatenate(size, parts)


def _distinct(
    masks: KeyframeMasks, score: Float[np.ndarray, " n"] | Int[np.ndarray, " n"], thresh: float
) -> KeyframeMasks:
    """The masks that box non-maximum suppression keeps, with the SAM outputs of those that they suppress."""
    boxes = _boxes_xyxy(masks.rles)
    order = np.argsort(-score, kind="stable")
    kept_as = suppress(order, lambda row: box_iou(boxes[row], boxes) > thresh)
    joined = replace(masks, sam_outputs=joined_sam_outputs(masks.sam_outputs, kept_as))
    return joined.take(kept_rows(order, kept_as))


def _boxes_xyxy(rles: Rles) -> Float[np.ndarray, "n 4"]:
    """Boxes from the first to the last pixel, as in segment_anything: one pixel narrower and lower than COCO's."""
    x, y, width, height = rles.boxes_xywh().T
    return np.stack([x, y, x + np.maximum(width - 1, 0), y + np.maximum(height - 1, 0)], axis=1)
