"""What runs, tracking and repairs share: options, the identity of a store, and the error when memory runs out."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from overseg.data.byte_size import parse_bytes
from overseg.data.machine import Machine
from overseg.data.settings import SharedSettings
from overseg.data.video_info import ARRAYS
from overseg.errors import DeviceError, OversegError, SettingsError, is_out_of_memory

if TYPE_CHECKING:
    from overseg.data.video_info import VideoInfo
    from overseg.stages import Report


class SharedChanges(TypedDict, total=False):
    """The fields of `SharedSettings` that differ from their defaults; see there."""

    weights: str | None
    propagator_weights: str | None
    dtype: str
    propagation_size: int | None
    max_hole_area_px: int
    max_sprinkle_area_px: int
    compile: bool
    resize: int | None
    start: int
    end: int | None
    stride: int
    deinterlace: bool


def name_of_input(input: object) -> str:
    """The absolute path of an input, or "arrays" for pictures from a program."""
    return str(Path(input).resolve()) if isinstance(input, str | Path) else ARRAYS


def provenance(input: str, device: str, weights: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Who makes a store, when, where and of what."""
    return {
        "overseg": version("overseg"),
        "device": device,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": input,
        "weights": weights,
    }


def identity_of(
    info: "VideoInfo",
    settings: SharedSettings,
    weights: dict[str, dict[str, Any]],
    *,
    device: str,
    masks: str | None = None,
) -> dict[str, Any]:
    """What the result depends on. The video, weights and given masks count by their content: files may move.

    An accelerator on which models compute counts by its kind and memory, which determine how many masks are computed at
    once. On a CPU each is computed by itself.
    """
    from overseg.video.fingerprint import fingerprint

    video = {name: value for name, value in asdict(info).items() if name != "name"}
    chosen = {name: value for name, value in asdict(settings).items() if name not in PATHS}
    hashes = {stage: found["sha256"] for stage, found in weights.items()}
    if masks:
        files = sorted(path for path in [Path(masks), *Path(masks).rglob("*")] if path.is_file())
        hashes["masks"] = fingerprint(files, with_names=True)
    return {"video": video, "settings": chosen, "weights": hashes, **_accelerator(device if weights else "cpu")}


def _accelerator(device: str) -> dict[str, dict[str, Any]]:
    if device == "cpu":
        return {}
    from overseg.batching import accelerator

    found = accelerator(device)
    return {} if found is None else {"accelerator": found}


PATHS = ("weights", "propagator_weights", "masks")
"""Settings that may name files, which count by their content."""


def feature_cache_bytes(asked: str | int | None) -> int:
    """Host memory for SAM 2's image features, in bytes; 4 GiB where none is asked for."""
    return Machine().feature_cache_bytes if asked is None else parse_bytes(asked, option="--feature-cache")


def check_cache_is_used(feature_cache: str | int | None, propagator: str) -> None:
    """Refuse with SettingsError a feature cache that nothing would use."""
    from overseg.adapters import PROPAGATORS

    caches = [name for name, adapter in PROPAGATORS.items() if adapter.needs_torch]
    if feature_cache is not None and propagator not in caches:
        raise SettingsError(
            f"--feature-cache is for --propagator {' or '.join(caches)}, and the propagator here is {propagator}: "
            "change one of the two"
        )


@contextmanager
def reporting(report: "Report | None") -> Iterator["Report"]:
    """The caller's report; without one, progress bars that are closed at the end."""
    if report is not None:
        yield report
        return
    from overseg.report import TerminalReport

    with closing(TerminalReport()) as shown:
        yield shown


@contextmanager
def out_of_memory_as_error() -> Iterator[None]:
    """One line in place of what NumPy, OpenCV and PyTorch raise, each in its own class, where no stage caught it."""
    try:
        yield
    except OversegError:
        raise
    except Exception as e:
        if is_out_of_memory(e):
            raise DeviceError(
                "out of memory; what was committed is kept: shrink the frames with --resize, use a smaller model, "
                "or close other programs, then run again"
            ) from e
        raise
