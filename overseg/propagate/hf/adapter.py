"""From settings to a propagator with a tracking model of transformers."""

from collections.abc import Callable

from overseg.data.machine import Machine
from overseg.data.settings import Settings
from overseg.data.track_settings import TrackSettings
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.hf.loading import load_tracker
from overseg.propagate.hf.steps import HfSteps
from overseg.propagate.hf.tracker import HfTracker
from overseg.propagate.sam2.features import FeatureEncoder
from overseg.propagate.sam2.logit_cleanup import LogitCleanup
from overseg.propagate.sam2.propagator import MemoryPropagator
from overseg.propagate.sam2.runtime import Sam2Runtime
from overseg.weights import weights_path


def propagator_builders(
    family: HfFamily,
) -> tuple[Callable[[Settings, Machine], MemoryPropagator], Callable[[TrackSettings, Machine], MemoryPropagator]]:
    """The functions `build` and `build_follower` of a family of models."""

    def build(settings: Settings, machine: Machine) -> MemoryPropagator:
        """The propagator that the settings describe, with its weights loaded; see `_built`."""
        return _built(family, settings, machine, mask_threshold=0.0)

    def build_follower(settings: TrackSettings, machine: Machine) -> MemoryPropagator:
        """The same, for objects that are prompted with points, boxes and masks."""
        return _built(family, settings, machine, mask_threshold=settings.mask_threshold)

    return build, build_follower


def _built(
    family: HfFamily, settings: Settings | TrackSettings, machine: Machine, *, mask_threshold: float
) -> MemoryPropagator:
    """The propagator that the settings describe, with its weights loaded.

    Raises:
        SettingsError: transformers is missing or too old, or the image size does not fit.
        WeightsError: the weights are missing, or are another model's.
    """
    tracker = load_tracker(
        weights_path(settings.propagator_weights or ""),
        family,
        device=machine.device,
        image_size=settings.propagation_size,
    )
    return propagator_of(
        tracker,
        dtype=settings.dtype,
        min_area_px=settings.min_area_px,
        feature_cache_bytes=machine.feature_cache_bytes,
        mask_threshold=mask_threshold,
    )


def propagator_of(
    tracker: HfTracker,
    *,
    dtype: str = "float32",
    min_area_px: int = 100,
    max_batch: int | None = None,
    feature_cache_bytes: int = 4 << 30,
    mask_threshold: float = 0.0,
) -> MemoryPropagator:
    """The propagator that works with a model; the arguments are `Sam2Propagator`'s."""
    runtime = Sam2Runtime(
        tracker,
        encoder=FeatureEncoder(tracker, cache_bytes=feature_cache_bytes, images=tracker),
        cleanup=LogitCleanup(0, 0),  # transformers' own loop leaves holes as they are
        max_batch=max_batch,
        is_mixed=dtype == "bfloat16",
        steps=HfSteps,
    )
    work = tracker.cost.frame_work, tracker.cost.mask_work
    return MemoryPropagator(runtime, min_area_px=min_area_px, mask_threshold=mask_threshold, work=work)
