"""From names in the settings to stages that are ready to work."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from overseg.adapters import PROPAGATORS, STAGES, Adapter, load
from overseg.associate.overlap import OverlapAssociator
from overseg.associate.reappearance import Reappearance
from overseg.data.machine import Machine
from overseg.data.settings import Settings
from overseg.data.track_settings import TrackSettings
from overseg.engine.follow.redetection import Redetection
from overseg.engine.sweep.schedule import MAX_PREVIEW_MASKS
from overseg.generate.largest_masks import LargestMasks
from overseg.propagate.follow_masks import MaskFollower
from overseg.stages import (
    Detector,
    LenientPropagator,
    LocatingGenerator,
    MaskGenerator,
    MaskLocator,
    MaskPropagator,
    MaskRefiner,
    PromptedPropagator,
    PromptMasks,
    Report,
    SparseGenerator,
    Stages,
)
from overseg.weights import (
    HubCheckpoint,
    catalogue,
    fetch,
    fetch_from_hub,
    fingerprints,
    hub_catalogue,
    hub_folder,
    missing_files,
    weights_path,
)

_SPARSE_SHARES = (0.75, 0.5)  # of the points on a side


class KeptStages:
    """Builds stages, and keeps the last ones: a run with the same settings as the one before loads no model again.

    Stages remember nothing of a video that would show in the masks of another one. Several threads may build at once,
    where their runs take turns at making masks.

    Attributes:
        turn: a run holds it while it makes masks, and not while it opens its video or concludes.
    """

    def __init__(self) -> None:
        self.turn: AbstractContextManager[object] = nullcontext()
        self._last = _Last()

    def in_turn(self, turn: AbstractContextManager[object]) -> "KeptStages":
        """The same stages for a run that waits for its turn."""
        other = KeptStages()
        other.turn, other._last = turn, self._last
        return other

    def __call__(self, settings: Settings, machine: Machine) -> Stages:
        """See `build_stages`."""
        return self._last.get(replace(settings, start=0, end=None), machine)  # which frames is nothing to them


class _Last:
    """The stages that were built last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key: tuple[Settings, Machine] | None = None
        self._stages: Stages | None = None

    def get(self, settings: Settings, machine: Machine) -> Stages:
        key = settings, machine
        with self._lock:
            if self._stages is None or key != self._key:
                self._key = self._stages = None  # so that two models are never in memory
                self._key, self._stages = key, build_stages(settings, machine)
            return self._stages


def build_stages(settings: Settings, machine: Machine) -> Stages:
    """The stages that the settings name, with their weights loaded, which `find_weights` fetches."""
    built = {stage.name: _build(stage.adapters[getattr(settings, stage.name)], settings, machine) for stage in STAGES}
    generator, propagator = built["generator"], built["propagator"]
    prompts = settings.prompts_with_propagated
    sparse = [generator.thinned(share) for share in _SPARSE_SHARES] if isinstance(generator, SparseGenerator) else []
    return Stages(
        **built,
        preview_generator=LargestMasks([generator, *sparse][-1], MAX_PREVIEW_MASKS),
        associator=build_associator(settings),
        refiner=generator if prompts and isinstance(generator, MaskRefiner) else None,
        locator=_locator(generator, propagator) if prompts else None,
        sparse_generators=sparse,
    )


def _locator(generator: MaskGenerator, propagator: MaskPropagator) -> MaskLocator | None:
    """What locates masks that the propagator lost; None for a propagator that remembers what it follows."""
    if isinstance(propagator, LenientPropagator) and isinstance(generator, LocatingGenerator):
        return generator.locator()
    return None


def _build(adapter: Adapter, settings: Settings, machine: Machine) -> Any:
    return load(adapter.build)(settings, machine)


def build_associator(settings: Settings) -> OverlapAssociator:
    """What decides on tracks. Where nothing is propagated, no track ends, and none is identified again."""
    reid = settings.reid and PROPAGATORS[settings.propagator].propagates
    return OverlapAssociator(match_iou=settings.match_iou, reappearance=Reappearance() if reid else None)


def build_follower(settings: TrackSettings, machine: Machine) -> PromptedPropagator:
    """What follows prompted objects: the propagator itself, or with SAM, which makes masks of points and boxes."""
    adapter = PROPAGATORS[settings.propagator]
    if adapter.build_follower is not None:
        return load(adapter.build_follower)(settings, machine)
    propagator = _build(adapter, settings.of_stages(), machine)
    if settings.weights is None:
        return MaskFollower(propagator)
    from overseg.generate.locating import SamLocator
    from overseg.generate.sam1_adapter import build_encoder
    from overseg.generate.sam1_prompted import Sam1PromptMasks
    from overseg.propagate.two_witnesses import TwoWitnessFollower

    if settings.step and isinstance(propagator, LenientPropagator):
        propagator = propagator.lenient()
    encoder = build_encoder(settings, machine)
    prompt_masks = Sam1PromptMasks(encoder, mask_threshold=settings.mask_threshold, fits_boxes=True)
    locator = SamLocator(encoder, mask_threshold=settings.mask_threshold)
    return TwoWitnessFollower(propagator, prompt_masks, locator, step=settings.step)


def build_prompt_masks(settings: TrackSettings, machine: Machine) -> PromptMasks:
    """What makes masks of points and boxes on a single frame, as the model's own predictor does."""
    from overseg.generate.sam1_adapter import build_encoder
    from overseg.generate.sam1_prompted import Sam1PromptMasks

    return Sam1PromptMasks(build_encoder(settings, machine, exact=True), mask_threshold=settings.mask_threshold)


def build_redetection(
    detector: Path,
    settings: TrackSettings,
    machine: Machine,
    *,
    categories: Sequence[str] = (),
    texts: Sequence[str] = (),
    report: Report | None = None,
) -> Redetection:
    """A detector that finds objects again in every sub-sequence.

    Args:
        detector: its file, .onnx or .pt; with `texts` the folder of one that takes words.
        settings: `confidence` is the least that a detection needs.
        machine: what the detector runs on.
        categories: what it looks for; nothing for all that it knows.
        texts: what it looks for, in words.
        report: is told what the detector runs on.

    Raises:
        SettingsError: it knows no such category.
        WeightsError: the file cannot be used.
    """
    from overseg.detect.only import OnlyCategories
    from overseg.detect.opening import DEFAULT_MIN_CONFIDENCE, open_detector

    least = min(DEFAULT_MIN_CONFIDENCE, settings.confidence)
    model = open_detector(detector, device=machine.device, min_confidence=least, texts=texts)
    if report is not None and machine.device != "cpu" and (runs_on := getattr(model, "runs_on", None)):
        report.event("remark", line=f"the detector {detector.name} runs on {runs_on}")
    chosen = OnlyCategories(model, categories) if categories else model
    return Redetection(chosen, confidence=settings.confidence)


def find_weights(settings: Settings, *, report: Report) -> dict[str, dict[str, Any]]:
    """The checkpoints that the settings name, fetched where they are missing: name and sha256, by stage.

    Args:
        settings: name the checkpoints, or give their paths.
        report: receives the progress of a download, in MB.

    Raises:
        WeightsError: one cannot be fetched; the message names the file and where to put it.
    """
    named = {stage.name: getattr(settings, stage.checkpoint) for stage in STAGES}
    return {
        stage: {"name": name, "sha256": fingerprints(ensure_weights(name, report=report))}
        for stage, name in named.items()
        if name
    }


def ensure_weights(name: str, *, report: Report) -> Path:
    """Where a checkpoint lies, given by name or path; it is fetched first where it is missing.

    Raises:
        WeightsError: it cannot be fetched; the message names the file and where to put it.
    """
    if name in hub_catalogue():
        return _ensure_from_hub(hub_catalogue()[name], report)
    if name not in catalogue() or not missing_files(catalogue()[name]):
        return weights_path(name)
    report.event("remark", line=f"fetching the weights {name} ({catalogue()[name].size_bytes / 1e6:.0f} MB)")

    def progress(here_bytes: int, total_bytes: int) -> None:
        total_mb = -(-total_bytes // 1_000_000)
        report.progress(f"{name} (MB)", total_mb if here_bytes == total_bytes else here_bytes // 1_000_000, total_mb)

    return fetch(name, report=progress)


def _ensure_from_hub(checkpoint: HubCheckpoint, report: Report) -> Path:
    if hub_folder(checkpoint) is None:
        size = f"about {checkpoint.size_bytes / 1e6:.0f} MB"
        report.event("remark", line=f"fetching the weights {checkpoint.name} ({size}) from {checkpoint.source}")
    return fetch_from_hub(checkpoint)


def build_words_detector(name: str | Path | None, texts: Sequence[str], device: str, *, report: Report) -> Detector:
    """A detector that finds what texts describe, with weights by name or folder; None for the default ones.

    Raises:
        SettingsError: a text is empty, or transformers is missing or too old.
        WeightsError: the weights are missing, or are another model's.
    """
    from overseg.detect.opening import DEFAULT_MIN_CONFIDENCE, open_detector
    from overseg.detect.words import checked_texts

    checked = checked_texts(texts)
    folder = words_weights(name, report=report)
    return open_detector(folder, device=device, min_confidence=DEFAULT_MIN_CONFIDENCE / 2, texts=checked)


def words_weights(name: str | Path | None, *, report: Report) -> Path:
    """The folder of a detector that takes words, by name or path; None for the default one. It may be fetched."""
    from overseg.detect.words import DEFAULT_WEIGHTS

    return ensure_weights(str(name or DEFAULT_WEIGHTS), report=report)
