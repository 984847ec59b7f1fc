"""From settings to a generator with a first-generation Segment Anything model."""

from typing import TYPE_CHECKING, Any

import torch

from overseg.data.machine import Machine
from overseg.data.setting import settings_of
from overseg.data.settings import Settings, SharedSettings
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.picture_model import PictureModel
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam_models import load_sam
from overseg.weights import weights_path

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

PromptedGenerator = Sam1Generator | ExactSam1Generator
_EMBEDDINGS_KEPT = 4  # frames: an object is located on a frame, and remembered from it right after


def build(settings: Settings, machine: Machine) -> PromptedGenerator:
    """The generator that the settings describe, with its weights loaded.

    Raises:
        WeightsError: the weights are missing, or are no SAM's.
    """
    sam, _ = load_model(settings, machine)
    return build_prompted(sam, settings)


def build_prompted(model: "Sam | PictureModel", settings: Settings) -> PromptedGenerator:
    """The generator that the settings describe, with a model that is ready on its device."""
    region_px = settings.min_mask_region_area
    shared: dict[str, Any] = {
        "points_per_side": settings.points_per_side,
        "pred_iou_thresh": settings.pred_iou_thresh,
        "stability_score_thresh": settings.stability_score_thresh,
        "min_area_px": settings.min_area_px,
        "max_masks": settings.max_masks_per_keyframe,
        "dtype": getattr(torch, settings.dtype),
    }
    if settings.exact:
        of_exact = _used_with(settings, exact=True)
        return ExactSam1Generator(model, min_mask_region_area=region_px or 0, **of_exact, **shared)
    of_others = _used_with(settings, exact=False)
    del of_others["propagated_prompts"]
    return Sam1Generator(
        model,
        min_mask_region_area=settings.min_area_px if region_px is None else region_px,
        use_propagated=settings.prompts_with_propagated,
        **of_others,
        **shared,
    )


def build_encoder(settings: SharedSettings, machine: Machine, *, exact: bool = False) -> FrameEncoder:
    """The model that `weights` names, to prompt on frames. It keeps the image embeddings of the latest frames.

    `exact` is that of `FrameEncoder`.
    """
    sam, dtype = load_model(settings, machine)
    return FrameEncoder(sam, dtype=dtype, n_kept=_EMBEDDINGS_KEPT, exact=exact)


def load_model(settings: SharedSettings, machine: Machine) -> "tuple[Sam, torch.dtype]":
    """The model that `weights` names, ready on the device, and the type in which it computes."""
    dtype = getattr(torch, settings.dtype)
    sam = load_sam(weights_path(settings.weights or ""), device=machine.device, dtype=dtype, compile=settings.compile)
    return sam, dtype


def _used_with(settings: Settings, *, exact: bool) -> dict[str, Any]:
    """The values of the settings that are used only with, or only without, `exact`."""
    declared = settings_of(Settings).values()
    return {one.name: getattr(settings, one.name) for one in declared if one.when == ("exact", exact)}
