"""Propagator and settings for following prompted objects, and which of them fit this machine."""

from dataclasses import dataclass
from typing import Any

from overseg.build import ensure_weights
from overseg.data.settings import option
from overseg.data.track_settings import TrackSettings
from overseg.errors import SettingsError, WeightsError
from overseg.presets import DEFAULT_WEIGHTS, PRESETS, resolve_device
from overseg.stages import Report

_ONLY_SAM2 = ("propagator_weights", "propagation_size", "max_hole_area_px", "max_sprinkle_area_px")


@dataclass(frozen=True)
class TrackChoice:
    """What `overseg track` will use, and why.

    Attributes:
        settings: complete settings.
        device: "cpu", "cuda", "cuda:1", "mps".
        line: one line for people.
    """

    settings: TrackSettings
    device: str
    line: str


def choose_tracking(device: str, changes: dict[str, Any], *, masks_alone: bool, report: Report) -> TrackChoice:
    """Complete settings: SAM 2 where it runs on CUDA, else masks by SAM that optical flow propagates.

    Args:
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        changes: settings by name that differ from the defaults.
        masks_alone: whether all prompts are masks, so that no SAM has to make them; see `TrackSettings.step`.
        report: is told how far weights that have to be fetched are.

    Raises:
        SettingsError: an unknown setting, a value that cannot be, or one that nothing would use.
        DeviceError: the device is not there.
    """
    unknown = sorted(set(changes) - set(TrackSettings.names()))
    if unknown:
        raise SettingsError(f"there is no setting {unknown[0]!r}: expected {', '.join(TrackSettings.names())}")
    asked = changes.get("propagator")
    needs_sam = not masks_alone or TrackSettings.from_options(changes).step > 0
    found_device = resolve_device(device, needs_torch=asked == "sam2" or needs_sam)
    fitting, reason = ({}, "as asked") if asked else _fitting(found_device, changes, report)
    settings = TrackSettings.from_options(_with_weights({**fitting, **changes}, needs_sam=needs_sam))
    _refuse_idle(settings, changes, needs_sam=needs_sam)
    return TrackChoice(settings, found_device, _line(settings, found_device, reason))


def _fitting(device: str, changes: dict[str, Any], report: Report) -> tuple[dict[str, Any], str]:
    """The settings that fit the machine, and why they are not better ones."""
    if not device.startswith("cuda"):
        return {"propagator": "flow"}, "no CUDA device; with one, sam2 follows better"
    if "propagator_weights" not in changes:
        try:
            ensure_weights(DEFAULT_WEIGHTS["sam2"], report=report)
        except WeightsError as e:
            return {"propagator": "flow"}, f"the weights of sam2, which follows better, are not at hand ({e})"
    return {"propagator": "sam2", "dtype": PRESETS["full"]["dtype"]}, "the best there is"


def _with_weights(values: dict[str, Any], *, needs_sam: bool) -> dict[str, Any]:
    """Weights for the stages that need them."""
    is_sam2 = values["propagator"] == "sam2"
    name, stage = ("propagator_weights", "sam2") if is_sam2 else ("weights", "sam1")
    if not is_sam2 and not needs_sam:
        return values
    return {**values, name: values.get(name) or DEFAULT_WEIGHTS[stage]}


def _refuse_idle(settings: TrackSettings, changes: dict[str, Any], *, needs_sam: bool) -> None:
    """Refuse what was asked for and nothing would use."""
    if settings.propagator == "sam2":
        idle: tuple[str, ...] = ("weights", "step")
        reason = "sam2 takes points and boxes itself, and remembers what it follows"
    else:
        idle, reason = _ONLY_SAM2, f"it is for --propagator sam2, and the propagator here is {settings.propagator}"
        if not needs_sam and changes.get("weights") is not None:
            idle, reason = ("weights",), "everything to follow is given as masks, and --step 0 asks for no other"
    for name in idle:
        if changes.get(name) is not None:
            raise SettingsError(f"{option(name)} has no use here: {reason}; leave it out")


def _line(settings: TrackSettings, device: str, reason: str) -> str:
    made = f"masks by {settings.weights}, " if settings.weights else ""
    propagated = " ".join(filter(None, [settings.propagator, settings.propagator_weights]))
    return f"{made}propagated by {propagated}, on {device} ({reason})"
