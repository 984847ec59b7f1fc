"""From settings to a propagator with SAM 2."""

from overseg.data.machine import Machine
from overseg.data.settings import Settings, SharedSettings
from overseg.data.track_settings import TrackSettings
from overseg.propagate.sam2.model import compile_parts, load_sam2
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.weights import weights_path


def build(settings: Settings, machine: Machine) -> Sam2Propagator:
    """The propagator that the settings describe, with its weights loaded.

    Raises:
        WeightsError: the weights are missing, or are not SAM 2's.
    """
    return _build(settings, machine, min_area_px=settings.min_area_px, mask_threshold=0.0)


def build_follower(settings: TrackSettings, machine: Machine) -> Sam2Propagator:
    """The same, for objects that are prompted with points, boxes and masks."""
    return _build(settings, machine, min_area_px=settings.min_area_px, mask_threshold=settings.mask_threshold)


def _build(settings: SharedSettings, machine: Machine, *, min_area_px: int, mask_threshold: float) -> Sam2Propagator:
    weights = weights_path(settings.propagator_weights or "")
    model = load_sam2(weights, device=machine.device, image_size=settings.propagation_size)
    if settings.compile:
        compile_parts(model)
    return Sam2Propagator(
        model,
        dtype=settings.dtype,
        min_area_px=min_area_px,
        max_hole_area_px=settings.max_hole_area_px,
        max_sprinkle_area_px=settings.max_sprinkle_area_px,
        feature_cache_bytes=machine.feature_cache_bytes,
        mask_threshold=mask_threshold,
    )
