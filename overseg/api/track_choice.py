"""Propagator and settings for following prompted objects, and which of them fit this machine."""

from dataclasses import dataclass
from typing import Any

from overseg.adapters import GENERATORS, PROPAGATORS, STAGES, Adapter, Stage
from overseg.data.setting import option, settings_of
from overseg.data.track_settings import TrackSettings
from overseg.errors import SettingsError
from overseg.presets import (
    PRESETS,
    fits_on_cuda,
    known_changes,
    not_by_edgetam,
    refuse_without_effect,
    resolve_device,
    with_weights,
)
from overseg.stages import Report

_EDGETAM_COSTS = "at 1024 px a frame with one object takes it about 2.9 s of a core, and flow with features 0.6 s"
_OF_PROMPT_MASKS = ("weights", "step")  # used where a SAM makes the masks of points and boxes


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
        report: receives the progress of weights that have to be fetched.

    Raises:
        SettingsError: an unknown setting, a value that cannot be, or one that nothing would use.
        DeviceError: the device is not available.
    """
    changes = known_changes(TrackSettings, changes)
    asked = changes.get("propagator")
    needs_sam = TrackSettings.from_options(changes).step > 0 or not masks_alone
    runs_in_torch = needs_sam or (asked is not None and PROPAGATORS[asked].needs_torch)
    found_device = resolve_device(device, needs_torch=runs_in_torch)
    fitting, reason = ({}, "as asked") if asked else _fitting(found_device, changes, report)
    settings = TrackSettings.from_options(_with_weights({**fitting, **changes}, needs_sam=needs_sam))
    _refuse_without_effect(settings, changes, needs_sam=needs_sam)
    return TrackChoice(settings, found_device, _line(settings, found_device, reason))


def _fitting(device: str, changes: dict[str, Any], report: Report) -> tuple[dict[str, Any], str]:
    """The settings that fit the machine, and why they are not better ones."""
    own, default = changes.get("propagator_weights"), PROPAGATORS["sam2"].default_checkpoint
    fits, reason = fits_on_cuda(
        device,
        [default] if own is None and default is not None else [],
        without_cuda="no CUDA device; with one, sam2 follows better" + not_by_edgetam(_EDGETAM_COSTS),
        without_weights="the weights of sam2, which follows better, are missing",
        report=report,
    )
    return {"propagator": "sam2", "dtype": PRESETS["full"]["dtype"]} if fits else {"propagator": "flow"}, reason


def _with_weights(values: dict[str, Any], *, needs_sam: bool) -> dict[str, Any]:
    """Values with weights for what needs some: the propagator, and where it takes no points and boxes itself, a SAM."""
    generators, propagators = STAGES
    propagator = PROPAGATORS[values["propagator"]]
    chosen: list[tuple[Stage, Adapter]] = [(propagators, propagator)]
    if propagator.build_follower is None and needs_sam:
        chosen.append((generators, GENERATORS["sam1"]))
    return with_weights(values, chosen)


def _refuse_without_effect(settings: TrackSettings, changes: dict[str, Any], *, needs_sam: bool) -> None:
    """Refuse settings that were given and have no effect; SettingsError names the option and why."""
    idle: tuple[str, ...] = ()
    if PROPAGATORS[settings.propagator].build_follower is not None:
        idle, reason = _OF_PROMPT_MASKS, f"{settings.propagator} takes points and boxes itself, and remembers objects"
    elif not needs_sam:
        idle, reason = ("weights",), "everything to follow is given as masks, and --step 0 makes no other"
    for name in idle:
        if settings_of(TrackSettings)[name].is_given(changes.get(name)):
            raise SettingsError(f"{option(name)} has no use here: {reason}; leave it out")
    refuse_without_effect(settings, {name: value for name, value in changes.items() if name not in _OF_PROMPT_MASKS})


def _line(settings: TrackSettings, device: str, reason: str) -> str:
    made = f"masks by {settings.weights}, " if settings.weights else ""
    propagated = " ".join(filter(None, [settings.propagator, settings.propagator_weights]))
    return f"{made}propagated by {propagated}, on {device} ({reason})"
