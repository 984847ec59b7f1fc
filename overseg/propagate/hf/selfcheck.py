"""Checks that our masks are those of transformers' own loop on this machine, with the same weights and frames."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from overseg.adapters import PROPAGATORS
from overseg.data.check import Check
from overseg.propagate.hf.adapter import propagator_of
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.hf.loading import load_tracker
from overseg.propagate.hf.parity import HfLoop
from overseg.propagate.hf.random import random_model
from overseg.propagate.hf.tracker import HfTracker
from overseg.propagate.sam2.selfcheck import PanningVideo, compared


def family_named(name: str) -> HfFamily:
    """What the propagator of this name declares."""
    return import_module(PROPAGATORS[name].build.split(":")[0]).FAMILY


def tracker_to_check(
    name: str, weights: Path | None, *, device: str = "cpu", image_size: int | None = None
) -> HfTracker:
    """The model to check: that of the weights, or without weights a small one with seeded random weights.

    Raises:
        SettingsError, WeightsError, DeviceError: see `load_tracker`.
    """
    family = family_named(name)
    if weights is None:
        return HfTracker(random_model(family).to(device), family)
    return load_tracker(weights, family, device=device, image_size=image_size)


def selfcheck(tracker: HfTracker) -> Iterator[Check]:
    """Yield one comparison after another."""
    return compared(propagator_of(tracker, min_area_px=1), lambda: HfLoop(tracker, PanningVideo()), PanningVideo())
