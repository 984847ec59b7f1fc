"""Keyframe masks from a Segment Anything model, prompted with propagated masks, a grid, and uncovered places."""

from copy import copy
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int

from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks, RefinedMasks
from overseg.data.rles import Rles
from overseg.generate.candidates import Candidates, Thresholds
from overseg.generate.covering import Coverage, relaxing
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.keep import keep_masks
from overseg.generate.locating import SamLocator
from overseg.generate.merging import merged
from overseg.generate.picture_model import PictureModel
from overseg.generate.point_grid import grid_rounds, grid_work, point_grid
from overseg.generate.prompt_batches import DEFAULT_POINTS_PER_BATCH, PromptBatches
from overseg.generate.prompting import PromptedFrame, RefinedCandidates
from overseg.generate.ranges import check_at_least, check_shares
from overseg.generate.redundant_points import BORDERLINE, RedundantPoints, explained
from overseg.generate.small_regions import without_small_regions

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_STABILITY_SAMPLES = 200
_ENCODINGS_KEPT = 64  # keyframes; in a shot of up to this many, none is encoded twice
_REFINED_EXPECTED = 20  # propagated masks to refine on a keyframe
_RELAXING_STEPS = 3
_PLACES_PER_STEP = 12  # points in uncovered places at each step of relaxing
_SURE_SHARE = 0.5  # of a propagated mask's mean logit; with less, the point may be on another object


class Sam1Generator:
    """Generates masks with a model that is prompted on pictures: any segment_anything model, or a later one.

    1. The frame is encoded once.
    2. Propagated masks are the first prompts, so that known regions stay linked. A mask that agrees with its prompt is
       kept.
    3. The points of a grid are decoded from coarse to fine, with three masks each. Redundant points are skipped.
    4. Of near-duplicates the best is kept, as the mean of those that differ by noise only.
    5. Where no mask covers the picture, thresholds are relaxed in steps, and uncovered places are prompted.

    Masks are compared at the decoder's resolution. Only the masks returned are enlarged to full size. The result does
    not depend on `points_per_batch`.
    """

    def __init__(
        self,
        model: "Sam | PictureModel",
        *,
        points_per_side: int = 16,
        pred_iou_thresh: float = 0.8,
        stability_score_thresh: float = 0.9,
        min_pred_iou: float = 0.6,
        min_stability_score: float = 0.7,
        min_coverage: float = 0.95,
        mask_nms_thresh: float = 0.8,
        min_mask_region_area: int = 0,
        min_area_px: int = 64,
        max_masks: int | None = None,
        use_propagated: bool = True,
        min_agreement: float = 0.6,
        skip_redundant: bool = True,
        points_per_batch: int = DEFAULT_POINTS_PER_BATCH,
        dtype: torch.dtype = torch.float32,
        exact: bool = False,
    ) -> None:
        """Set up a generator; nothing is computed yet.

        Args:
            model: in evaluation mode, on the device where it is to run.
            points_per_side: the grid has this number squared of points.
            pred_iou_thresh, stability_score_thresh: the least scores of a mask, each in [0, 1].
            min_pred_iou, min_stability_score: the least scores in uncovered places, and for propagated masks.
            min_coverage: thresholds are relaxed until this share of the picture is covered; 0 never relaxes.
            mask_nms_thresh: of two masks with a higher IoU the better is kept, or the propagated one.
            min_mask_region_area: smaller holes and islands of masks are removed, in pixels; 0 removes none.
            min_area_px: smaller masks are dropped.
            max_masks: only this many are kept, the largest; None keeps all.
            use_propagated: whether masks propagated onto a keyframe are prompts.
            min_agreement: a mask is dropped where its IoU with the propagated mask that prompted it is lower.
            skip_redundant: whether redundant points are skipped.
            points_per_batch: prompts decoded at once on a GPU. On a CPU each is decoded by itself.
            dtype: type in which the model computes, where that is safe.
            exact: whether the masks of each prompt are upstream's up to rounding, in float32; see FrameEncoder.

        Raises:
            SettingsError: an option is out of range.
        """
        check_shares(
            pred_iou_thresh=pred_iou_thresh,
            stability_score_thresh=stability_score_thresh,
            min_pred_iou=min_pred_iou,
            min_stability_score=min_stability_score,
            min_coverage=min_coverage,
            mask_nms_thresh=mask_nms_thresh,
            min_agreement=min_agreement,
        )
        check_at_least(0, min_mask_region_area=min_mask_region_area)
        check_at_least(1, points_per_side=points_per_side, points_per_batch=points_per_batch, max_masks=max_masks)
        self._encoder = FrameEncoder(model, dtype=dtype, n_kept=_ENCODINGS_KEPT if use_propagated else 0, exact=exact)
        self._set_grid(points_per_side)
        self.refine_work = _REFINED_EXPECTED * self._encoder.model.work.prompt
        self._skip_redundant = skip_redundant
        self._thresholds = Thresholds(pred_iou_thresh, stability_score_thresh)
        self._borderline = Thresholds(pred_iou_thresh - BORDERLINE, stability_score_thresh - BORDERLINE)
        self._floors = Thresholds(min(min_pred_iou, pred_iou_thresh), min(min_stability_score, stability_score_thresh))
        self._min_coverage, self._max_iou = min_coverage, mask_nms_thresh
        self._min_region_px = min_mask_region_area
        self._min_area_px, self._max_masks = min_area_px, max_masks
        self._use_propagated, self._min_agreement = use_propagated, min_agreement
        self._batching = PromptBatches(points_per_batch, model.device)

    def locator(self) -> SamLocator:
        """What locates masks on other frames with the same model; the two share their image embeddings."""
        return SamLocator(self._encoder, min_area_px=self._min_area_px)

    def thinned(self, share: float) -> "Sam1Generator":
        """The same with this share of the points on a side of the grid. The two share their image embeddings."""
        thinned = copy(self)
        thinned._set_grid(ceil(share * self._points_per_side))
        return thinned

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """Masks of `keyframe`, the most reliable first; possibly none.

        Args:
            keyframe: at least 32 pixels a side.
            propagated: masks of the frame's size that were propagated onto it.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            prompted = self._prompted(keyframe)
            linked = self._refine(prompted, propagated)
            found = self._prompt_grid(prompted, linked, keyframe.index)
            good = found.reaching(self._thresholds)
            kept = self._merged(prompted, linked, found.take(good))
            kept = self._cover(prompted, kept, found.take(~good))
            return self._finish(prompted, kept, n_linked=len(linked))

    def refined(self, keyframe: Frame, propagated: Rles) -> RefinedMasks:
        """The model's masks for the propagated masks as prompts on `keyframe`, where they agree; see
        `stages.MaskRefiner`.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            prompted = self._prompted(keyframe)
            refined = self._prompt_propagated(prompted, propagated)
            rles = self._without_small_regions(prompted.masks(refined.candidates.logits))
        large = self._large(rles)
        return RefinedMasks(
            prompt=refined.prompt[large],
            rles=rles.take(large),
            predicted_iou=refined.candidates.predicted_iou[large].clip(0, 1),
        )

    def _set_grid(self, points_per_side: int) -> None:
        self._points_per_side = points_per_side
        self.keyframe_work = grid_work(points_per_side, work=self._encoder.model.work)

    def _prompted(self, keyframe: Frame) -> PromptedFrame:
        return PromptedFrame(
            self._encoder,
            keyframe,
            batching=self._batching,
            floors=self._floors,
            stability_samples=_STABILITY_SAMPLES,
        )

    def _refine(self, prompted: PromptedFrame, propagated: Rles) -> Candidates:
        """The model's masks for the propagated masks as prompts, where they agree."""
        if not self._use_propagated or len(propagated) == 0:
            return prompted.no_candidates
        return self._merged(prompted, prompted.no_candidates, self._prompt_propagated(prompted, propagated).candidates)

    def _prompt_propagated(self, prompted: PromptedFrame, propagated: Rles) -> RefinedCandidates:
        """The candidates for the propagated masks that are large enough; `prompt` has row numbers of `propagated`."""
        large = self._large(propagated)
        refined = prompted.prompt_masks(propagated.take(large).to_masks(), self._min_agreement)
        return replace(refined, prompt=large[refined.prompt])

    def _large(self, rles: Rles) -> Int[np.ndarray, " k"]:
        return np.flatnonzero(rles.area_px() >= max(self._min_area_px, 1))

    def _without_small_regions(self, rles: Rles) -> Rles:
        return without_small_regions(rles, self._min_region_px)[0] if self._min_region_px > 0 else rles

    def _prompt_grid(self, prompted: PromptedFrame, linked: Candidates, frame: int) -> Candidates:
        """The candidates of the grid's points that are not redundant. The points are prompted in rounds."""
        grid_xy = point_grid(self._points_per_side) * prompted.size_xy
        redundant = RedundantPoints(self._points_per_side)
        redundant.add(explained(prompted.surely_inside(linked, grid_xy, _SURE_SHARE), frame))
        found = [prompted.no_candidates]
        for round_points in grid_rounds(self._points_per_side):
            points = redundant.needed(round_points) if self._skip_redundant else round_points
            n_decoded = 0
            for masks in prompted.prompt_points(grid_xy[points], grid_xy):
                decoded = points[n_decoded : n_decoded + len(masks.similarity)]
                n_decoded += len(decoded)
                good = masks.candidates.reaching(self._thresholds)
                nearly = masks.candidates.reaching(self._borderline) & ~good
                n_accepted, n_nearly = (np.bincount(masks.prompt[x], minlength=len(decoded)) for x in (good, nearly))
                redundant.add_similar(decoded, masks.similarity, n_accepted, n_nearly > 0)
                found.append(masks.candidates)
        return Candidates.concatenate(found)

    def _merged(self, prompted: PromptedFrame, first: Candidates, others: Candidates) -> Candidates:
        return merged(
            first,
            others,
            max_iou=self._max_iou,
            min_stability_score=self._thresholds.stability_score,
            stability_score=prompted.stability_score,
        )

    def _cover(self, prompted: PromptedFrame, kept: Candidates, spare: Candidates) -> Candidates:
        """`kept`, and masks of lower scores where `kept` does not cover the picture."""
        coverage = Coverage(prompted.picture)
        coverage.add(kept)
        for thresholds in (self._thresholds, *relaxing(self._thresholds, self._floors, _RELAXING_STEPS)):
            for prompt in (False, True):
                if coverage.share >= self._min_coverage:
                    return kept
                if prompt:
                    places_xy = coverage.uncovered_points(_PLACES_PER_STEP) * prompted.logit_px_xy
                    found = [masks.candidates for masks in prompted.prompt_points(places_xy, places_xy[:0])]
                    spare = Candidates.concatenate([spare, *found])
                usable = spare.take(spare.reaching(thresholds))
                kept = Candidates.concatenate([kept, usable.take(coverage.add_useful(usable))])
        return kept

    def _finish(self, prompted: PromptedFrame, kept: Candidates, *, n_linked: int) -> KeyframeMasks:
        masks = prompted.enlarge(replace(kept, predicted_iou=kept.predicted_iou.clip(0, 1)))
        return keep_masks(
            replace(masks, rles=self._without_small_regions(masks.rles)),
            min_area_px=self._min_area_px,
            max_masks=self._max_masks,
            max_iou=self._max_iou,
            first=np.arange(len(masks)) < n_linked,
        )
