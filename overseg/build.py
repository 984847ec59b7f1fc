"""From names in the settings to stages that are ready to work."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.associate.overlap import OverlapAssociator
from overseg.associate.reappearance import Reappearance
from overseg.data.settings import EXACT_ONLY, RELAXING, Settings
from overseg.data.track_settings import TrackSettings
from overseg.engine.follow.redetection import Redetection
from overseg.engine.sweep.schedule import MAX_PREVIEW_MASKS
from overseg.generate.largest_masks import LargestMasks
from overseg.stages import (
    MaskGenerator,
    MaskPropagator,
    MaskRefiner,
    PromptedPropagator,
    PromptMasks,
    Report,
    Stages,
)
from overseg.weights import catalogue, fetch, fingerprints, missing_files, weights_path

if TYPE_CHECKING:
    import torch
    from segment_anything.modeling import Sam

    from overseg.generate.sam1 import Sam1Generator
    from overseg.generate.sam1_exact import ExactSam1Generator
    from overseg.propagate.sam2.propagator import Sam2Propagator

_SPARSE = (0.75, 0.5)  # of the points on a side


def build_stages(settings: Settings, *, device: str, feature_cache_bytes: int = 4 << 30) -> Stages:
    """The stages that the settings name, with their weights loaded. Weights must be at hand: see `find_weights`.

    Args:
        settings: name the stages.
        device: "cpu", "cuda", "cuda:1", "mps".
        feature_cache_bytes: host memory for image features of the propagator.
    """
    generator, *sparse_generators = _build_generators(settings, device)
    sparsest = (sparse_generators or [generator])[-1]
    return Stages(
        generator,
        LargestMasks(sparsest, MAX_PREVIEW_MASKS),
        _build_propagator(settings, device, feature_cache_bytes),
        build_associator(settings),
        generator if isinstance(generator, MaskRefiner) and _propagated_prompts(settings) else None,
        sparse_generators,
    )


def build_associator(settings: Settings) -> OverlapAssociator:
    """What decides on tracks. Where nothing is propagated, nothing was out of sight: there is nothing to know again."""
    reid = settings.reid and settings.propagator != "none"
    return OverlapAssociator(match_iou=settings.match_iou, reappearance=Reappearance() if reid else None)


def build_follower(settings: TrackSettings, *, device: str, feature_cache_bytes: int = 4 << 30) -> PromptedPropagator:
    """The propagator that the settings name, with one that makes masks of points and boxes where it takes none.

    Args:
        settings: name the stages.
        device: "cpu", "cuda", "cuda:1", "mps".
        feature_cache_bytes: host memory for image features of the propagator.
    """
    if settings.propagator == "sam2":
        return _build_sam2(settings.of_stages(), device, feature_cache_bytes, mask_threshold=settings.mask_threshold)
    from overseg.propagate.flow import FlowPropagator

    flow = FlowPropagator(min_area_px=settings.min_area_px)
    if settings.weights is None:
        return flow
    from overseg.prompts.refreshed import RefreshedFollow

    return RefreshedFollow(flow, build_prompt_masks(settings, device=device), step=settings.step)


def build_prompt_masks(settings: TrackSettings, *, device: str) -> PromptMasks:
    """What makes masks of points and boxes on a frame; the settings name its weights."""
    import torch

    from overseg.generate.sam_models import load_sam
    from overseg.prompts.sam1_masks import Sam1Masks

    dtype, weights = getattr(torch, settings.dtype), weights_path(settings.weights or "")
    sam = load_sam(weights, device=device, dtype=dtype, compile=settings.compile)
    return Sam1Masks(sam, mask_threshold=settings.mask_threshold, dtype=dtype)


def build_redetection(
    detector: Path, settings: TrackSettings, *, device: str, categories: Sequence[str] = ()
) -> Redetection:
    """A detector that looks for objects as the settings say.

    Args:
        detector: its file, .onnx or .pt.
        settings: say how sure it must be.
        device: as above.
        categories: what it is to look for; nothing for all that it knows.

    Raises:
        SettingsError: it knows no such category.
        WeightsError: the file cannot be used.
    """
    from overseg.detect.only import OnlyCategories
    from overseg.detect.opening import TOLD_CONFIDENCE, open_detector

    told = min(TOLD_CONFIDENCE, settings.confidence)
    model = open_detector(detector, device=device, min_confidence=told)
    chosen = OnlyCategories(model, categories) if categories else model
    return Redetection(chosen, confidence=settings.confidence)


def find_weights(settings: Settings, *, report: Report) -> dict[str, dict[str, Any]]:
    """The checkpoints that the settings need, fetched where they are not there yet: name and sha256, by stage.

    Args:
        settings: name the checkpoints, or give their paths.
        report: is told how far a checkpoint that has to be fetched is, in MB.

    Raises:
        WeightsError: one is not to be had; the line says which file to put where.
    """
    named = {"generator": settings.weights, "propagator": settings.propagator_weights}
    return {
        stage: {"name": name, "sha256": fingerprints(ensure_weights(name, report=report))}
        for stage, name in named.items()
        if name
    }


def ensure_weights(name: str, *, report: Report) -> Path:
    """Where a checkpoint lies, given by name or path; fetched first where it is not there yet.

    Raises:
        WeightsError: it is not to be had; the line says which file to put where.
    """
    if name not in catalogue() or not missing_files(catalogue()[name]):
        return weights_path(name)
    report.event("remark", line=f"fetching the weights {name} ({catalogue()[name].size_bytes / 1e6:.0f} MB)")

    def tell(here_bytes: int, total_bytes: int) -> None:
        total_mb = -(-total_bytes // 1_000_000)
        report.progress(f"{name} (MB)", total_mb if here_bytes == total_bytes else here_bytes // 1_000_000, total_mb)

    return fetch(name, report=tell)


def _build_generators(settings: Settings, device: str) -> list[MaskGenerator]:
    """The full run's, and those with sparser points: half as many on a side find as good masks of what is large."""
    if settings.generator != "sam1":
        return [_build_generator(settings)]
    import torch

    from overseg.generate.sam_models import load_sam

    dtype, weights = getattr(torch, settings.dtype), weights_path(settings.weights or "")
    sam = load_sam(weights, device=device, dtype=dtype, compile=settings.compile)
    generator = _build_sam1(settings, sam, dtype)
    return [generator, *(generator.thinned(ceil(share * settings.points_per_side)) for share in _SPARSE)]


def _build_generator(settings: Settings) -> MaskGenerator:
    min_area_px, max_masks = settings.min_area_px, settings.max_masks_per_keyframe
    if settings.generator == "hierarchy":
        from overseg.generate.hierarchy import HierarchyGenerator

        return HierarchyGenerator(min_area_px=min_area_px, max_masks=max_masks)
    from overseg.generate.precomputed import PrecomputedGenerator

    return PrecomputedGenerator(Path(settings.masks or ""), min_area_px=min_area_px, max_masks=max_masks)


def _build_sam1(settings: Settings, sam: "Sam", dtype: "torch.dtype") -> "Sam1Generator | ExactSam1Generator":
    min_area_px = settings.min_area_px
    shared: dict[str, Any] = {
        "points_per_side": settings.points_per_side,
        "pred_iou_thresh": settings.pred_iou_thresh,
        "stability_score_thresh": settings.stability_score_thresh,
        "min_area_px": min_area_px,
        "max_masks": settings.max_masks_per_keyframe,
        "dtype": dtype,
    }
    if settings.exact:
        from overseg.generate.sam1_exact import ExactSam1Generator

        return ExactSam1Generator(
            sam,
            min_mask_region_area=settings.min_mask_region_area or 0,
            **{name: getattr(settings, name) for name in EXACT_ONLY},
            **shared,
        )
    from overseg.generate.sam1 import Sam1Generator

    region_px = settings.min_mask_region_area
    return Sam1Generator(
        sam,
        min_mask_region_area=min_area_px if region_px is None else region_px,
        use_propagated=_propagated_prompts(settings),
        **{name: getattr(settings, name) for name in RELAXING},
        **shared,
    )


def _propagated_prompts(settings: Settings) -> bool:
    """Whether propagated masks prompt: SAM 2 links keyframes that know nothing of each other well enough."""
    return settings.propagator != "sam2" if settings.propagated_prompts is None else settings.propagated_prompts


def _build_propagator(settings: Settings, device: str, feature_cache_bytes: int) -> MaskPropagator:
    if settings.propagator == "none":
        from overseg.propagate.nothing import NoPropagator

        return NoPropagator()
    if settings.propagator == "flow":
        from overseg.propagate.flow import FlowPropagator

        return FlowPropagator(min_area_px=settings.min_area_px)
    return _build_sam2(settings, device, feature_cache_bytes)


def _build_sam2(
    settings: Settings, device: str, feature_cache_bytes: int, *, mask_threshold: float = 0.0
) -> "Sam2Propagator":
    from overseg.propagate.sam2.compile import compile_parts
    from overseg.propagate.sam2.model import load_sam2
    from overseg.propagate.sam2.propagator import Sam2Propagator
    from overseg.propagate.sam2.steps import SmallRegions

    weights = weights_path(settings.propagator_weights or "")
    model = load_sam2(weights, device=device, image_size=settings.propagation_size)
    if settings.compile:
        compile_parts(model)
    return Sam2Propagator(
        model,
        dtype=settings.dtype,
        min_area_px=settings.min_area_px,
        small_regions=SmallRegions(settings.max_hole_area_px, settings.max_sprinkle_area_px),
        feature_cache_bytes=feature_cache_bytes,
        mask_threshold=mask_threshold,
    )
