"""A video that is open, with the settings that were chosen for it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.shared import (
    check_cache_is_used,
    feature_cache_bytes,
    identity_of,
    name_of_input,
    out_of_memory_as_error,
    provenance,
)
from overseg.data.machine import Machine

if TYPE_CHECKING:
    import numpy as np

    from overseg.presets import Choice
    from overseg.stages import Report
    from overseg.video.buffered import BufferedVideo


@dataclass(frozen=True)
class Opened:
    """A video that is open, and what to do with it.

    Attributes:
        video: the frames.
        choice: settings, and why.
        weights: the checkpoints, by stage.
        machine: device, and host memory for image features.
        input: where the video is, as provenance keeps it.
    """

    video: "BufferedVideo"
    choice: "Choice"
    weights: dict[str, dict[str, Any]]
    machine: Machine
    input: str

    @property
    def of_store(self) -> dict[str, Any]:
        """What decides which store it is: `identity` and `size`."""
        settings, info = self.choice.settings, self.video.info
        identity = identity_of(info, settings, self.weights, device=self.machine.device, masks=settings.masks)
        return {"identity": identity, "size": info.size}

    @property
    def provenance(self) -> dict[str, Any]:
        """Who makes the store, when, where and of what."""
        return provenance(self.input, self.machine.device, self.weights)


@contextmanager
def opened(
    input: "str | Path | Iterable[np.ndarray]",
    output: str | Path,
    preset: str | None,
    device: str,
    changes: dict[str, Any],
    *,
    feature_cache: str | int | None,
    report: "Report",
    overwrite: bool = False,
) -> Iterator[Opened]:
    """Choose the settings, and open a video inside this block; see `overseg.run`."""
    from overseg.build import find_weights
    from overseg.presets import choose
    from overseg.store.opening import generator_of_begun
    from overseg.store.places import folder_at
    from overseg.video.open import open_chosen

    cache_bytes = feature_cache_bytes(feature_cache)
    choice = choose(
        preset,
        device,
        changes,
        report=report,
        begun_with=lambda: None if overwrite else generator_of_begun(folder_at(output)),
    )
    settings = choice.settings
    check_cache_is_used(feature_cache, settings.propagator)
    video = open_chosen(input, asdict(settings), report)
    with video, out_of_memory_as_error():
        report.event("remark", line=_first_line(video))
        weights = find_weights(settings, report=report)
        yield Opened(video, choice, weights, Machine(choice.device, cache_bytes), name_of_input(input))


def _first_line(video: "BufferedVideo") -> str:
    """The first line of a run, before weights are read and models are loaded, which takes seconds."""
    height, width = video[0].rgb.shape[:2]
    frames = "1 frame" if len(video) == 1 else f"{len(video)} frames"
    return f"{frames} of {width} x {height} px, {video.timestamps_s[-1]:.1f} s"
