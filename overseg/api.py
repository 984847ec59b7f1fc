"""The way from Python: `overseg.run` and `overseg.open`, the same as the command line."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from overseg.data.budget import Budget
from overseg.data.byte_size import parse_bytes
from overseg.data.settings import Settings, SharedSettings
from overseg.errors import DeviceError, OversegError, SettingsError, StoreError

if TYPE_CHECKING:
    from overseg.data.video_info import VideoInfo
    from overseg.interchange.exporting import Exported
    from overseg.presets import Choice
    from overseg.stages import Report, Video
    from overseg.store.result import Result


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


class SettingsChanges(SharedChanges, total=False):
    """The fields of `Settings` that differ from the preset's; see there."""

    generator: str
    propagator: str
    masks: str | None
    step: int
    points_per_side: int
    pred_iou_thresh: float
    stability_score_thresh: float
    min_mask_region_area: int | None
    min_coverage: float
    min_pred_iou: float
    min_stability_score: float
    carried_prompts: bool | None
    exact: bool
    box_nms_thresh: float
    crop_n_layers: int
    crop_nms_thresh: float
    crop_overlap_ratio: float
    crop_n_points_downscale_factor: int
    max_masks_per_keyframe: int | None
    match_iou: float
    reid: bool
    min_area_px: int
    max_missed: int
    max_frontier: int


def run(
    input: str | Path,
    output: str | Path,
    *,
    preset: str | None = None,
    device: str = "auto",
    budget: str | Budget | None = None,
    feature_cache: str | int | None = None,
    overwrite: bool = False,
    report: "Report | None" = None,
    **changes: Unpack[SettingsChanges],
) -> "Result":
    """Over-segment a video and follow every region; what `overseg run` does.

    Example:
        >>> result = overseg.run("cup.mp4", "cup.zarr", budget="10m", step=10)  # doctest: +SKIP
        >>> len(result.tracks), result.masks_at(0).rles.to_masks().shape  # doctest: +SKIP
        (93, (31, 480, 854))

    Args:
        input: a video file in any container that FFmpeg reads, or a folder of images.
        output: the store to write, a path or such an address as `s3://bucket/cup.zarr`. One made from the same video
            with the same settings is gone on with.
        preset: "preview", "fast" or "full"; None picks what fits the machine.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        budget: limits such as "10m,coverage=0.98"; see `Budget`. None works until everything is done.
        feature_cache: host memory in which SAM 2 keeps what it made of frames, so that those visited again are not
            encoded again: a number of bytes, or as "4G", which None is. It changes the time a run takes, and no mask.
        overwrite: throw away what the store holds.
        report: is told of every step; None for progress bars on a terminal.
        changes: settings that differ from the preset's; see `Settings`.

    Returns:
        The published result.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    since = time.monotonic()
    from overseg.presets import choose
    from overseg.report import TerminalReport
    from overseg.store.result import open_result
    from overseg.video.open import open_video

    cache = "4G" if feature_cache is None else feature_cache
    limits, cache_bytes = _limits(budget), parse_bytes(cache, option="--feature-cache")
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        choice = choose(preset, device, dict(changes), report=report)
        settings = choice.settings
        check_cache_is_used(feature_cache, settings.propagator)
        video = open_video(
            input, start=settings.start, end=settings.end, stride=settings.stride, resize=settings.resize
        )
        stack.enter_context(video)
        stack.enter_context(out_of_memory_told())
        _work(
            video,
            Path(input),
            output,
            choice,
            limits,
            cache_bytes=cache_bytes,
            overwrite=overwrite,
            report=report,
            since=since,
        )
    return open_result(output)


def open(path: str | Path) -> "Result":
    """The result in a store, read lazily.

    Raises:
        StoreError: there is no store, or it holds no result yet.
    """
    from overseg.store.result import open_result

    return open_result(path)


class FilterChanges(TypedDict, total=False):
    """The fields of `overseg.interchange.filters.Filters` that differ from their defaults; see there."""

    min_length: int
    min_area_px: float
    min_score: float
    level: str | None
    start: int
    end: int | None
    ids: tuple[int, ...] | None
    new_only: bool


def export(
    store: "str | Path | Result",
    destination: str | Path,
    *,
    format: str,
    labels: str | Path | None = None,
    flatten: str | None = None,
    frames: str | None = None,
    video: str | Path | None = None,
    overwrite: bool = False,
    **filters: Unpack[FilterChanges],
) -> "Exported":
    """Write masks and tracks for another tool; what `overseg export` does.

    Example:
        >>> overseg.export("cup.zarr", "cup_davis", format="davis", flatten="level=1").loss  # doctest: +SKIP

    Args:
        store: a store, or the result in it.
        destination: what is written: a folder, or a file where the format is one.
        format: name of a format; `docs/formats.md` lists them.
        labels: a CSV file with the columns track, id and category.
        flatten: "level=N" or "tracks=N", where a format takes no overlap.
        frames: "link", "copy" or "none"; None for what the tool needs.
        video: where the input is now, if it was moved since the run.
        overwrite: replace an older export.
        filters: which tracks and frames.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.interchange.exporting import export as write
    from overseg.interchange.filters import Cut, Filters

    return write(
        open(store) if isinstance(store, str | Path) else store,
        destination,
        format=format,
        filters=Filters(**filters),
        labels=labels,
        flat=None if flatten is None else Cut.parse(flatten),
        frames=frames,
        video=video,
        overwrite=overwrite,
    )


def import_masks(
    source: str | Path,
    output: str | Path,
    *,
    format: str,
    video: str | Path | None = None,
    overwrite: bool = False,
) -> "Result":
    """Make a store of another tool's masks; what `overseg import` does.

    Args:
        source: the file, or the folder.
        output: the store to write.
        format: name of a format; `docs/formats.md` lists them.
        video: the video or folder of images that the masks are of.
        overwrite: replace an older store.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.interchange.importing import import_masks as read

    return read(source, output, format=format, video=video, overwrite=overwrite)


def relink(
    path: str | Path, *, match_iou: float | None = None, reid: bool | None = None, report: "Report | None" = None
) -> "Result":
    """Decide anew which masks of a store are one track, without any model; what `overseg relink` does.

    Args:
        path: the store; its result is replaced by the new one.
        match_iou: masks of one frame that agree at least this much are the same region; None for the run's own.
        reid: whether tracks that ended go on as later ones that look the same and are near; None for the run's own.
        report: is told of every frame; None for progress bars on a terminal.

    Raises:
        StoreError: there is no store, it holds no result yet, it was imported, or another process is writing it.
        SettingsError: the threshold cannot be, or is lower than the overlaps that the store keeps.
    """
    from overseg.associate.overlap import MAY_BE_ONE_IOU
    from overseg.build import build_associator
    from overseg.engine.relink import relink as work
    from overseg.report import TerminalReport
    from overseg.store.result import open_result
    from overseg.store.zarr_store import ZarrStore

    chosen = open_result(path).identity["settings"]
    if "match_iou" not in chosen:
        raise StoreError(f"{path} was not made by `overseg run`: it keeps no overlaps to decide tracks from")
    of_run = {name: chosen[name] for name in ("propagator", "match_iou", "reid")}
    changes = {name: value for name, value in (("match_iou", match_iou), ("reid", reid)) if value is not None}
    wanted = Settings.from_options(of_run | changes)
    least = min(of_run["match_iou"], MAY_BE_ONE_IOU)
    if wanted.match_iou < least:
        raise SettingsError(f"--match-iou {match_iou} is too low for {path}, which keeps overlaps from {least:g} on")
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        store = stack.enter_context(ZarrStore.reopen(path))
        told = {"match_iou": wanted.match_iou, "reid": wanted.reid}
        work(store, open_result(path), build_associator(wanted), told, report)
    return open_result(path)


def _work(
    video: "Video",
    input: Path,
    output: str | Path,
    choice: "Choice",
    budget: Budget,
    *,
    cache_bytes: int,
    overwrite: bool,
    report: "Report",
    since: float,
) -> None:
    from overseg.build import build_stages, find_weights
    from overseg.engine.run import run as work
    from overseg.store.zarr_store import ZarrStore

    weights = find_weights(choice.settings, report=report)
    with ZarrStore.create_or_resume(
        output,
        identity=identity_of(video.info, choice.settings, weights, masks=choice.settings.masks),
        provenance=provenance(input, choice.device, weights),
        size=video.info.size,
        overwrite=overwrite,
    ) as store:
        if store.final:
            report.event("remark", line=f"{output} is complete already: nothing to do")
            return
        stages = build_stages(choice.settings, device=choice.device, feature_cache_bytes=cache_bytes)
        report.event("remark", line=choice.line)
        if video.info.n_lost:
            report.event("remark", line=_lost(video.info))
        work(video, stages, store, settings=choice.settings, budget=budget, report=report, since=since)


def provenance(input: Path, device: str, weights: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Who makes a store, when, where and of what."""
    return {
        "overseg": version("overseg"),
        "device": device,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": str(input.resolve()),
        "weights": weights,
    }


def _limits(budget: object) -> Budget:
    if budget is None or isinstance(budget, Budget):
        return budget or Budget()
    if isinstance(budget, str):
        return Budget.parse(budget)
    raise SettingsError(f"--budget takes limits such as 90s, 10m, coverage=0.98 or masks=100000, not {budget!r}")


def check_cache_is_used(feature_cache: str | int | None, propagator: str) -> None:
    """Refuse with SettingsError a feature cache that nothing would use."""
    if feature_cache is not None and propagator != "sam2":
        raise SettingsError(
            f"--feature-cache is for --propagator sam2, and the propagator here is {propagator}: change one of the two"
        )


@contextmanager
def out_of_memory_told() -> Iterator[None]:
    """One line in place of what NumPy, OpenCV and PyTorch raise, each in its own class, where no stage caught it."""
    try:
        yield
    except OversegError:
        raise
    except Exception as e:
        if isinstance(e, MemoryError) or any(words in str(e) for words in _OUT_OF_MEMORY):
            raise DeviceError(
                "out of memory; what was committed is kept: shrink the frames with --resize, use a smaller model, "
                "or close other programs, then run again"
            ) from e
        raise


_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "Insufficient memory")


def _lost(info: "VideoInfo") -> str:
    frames = "1 frame" if info.n_lost == 1 else f"{info.n_lost} frames"
    return f"{info.name} is damaged or cut off: {frames} could not be decoded and are left out"


def identity_of(
    info: "VideoInfo", settings: SharedSettings, weights: dict[str, dict[str, Any]], *, masks: str | None = None
) -> dict[str, Any]:
    """What the result depends on. The video, weights and given masks count by their content: files may move."""
    from overseg.video.fingerprint import fingerprint

    video = {name: value for name, value in asdict(info).items() if name != "name"}
    chosen = {name: value for name, value in asdict(settings).items() if name not in _PATHS}
    hashes = {stage: found["sha256"] for stage, found in weights.items()}
    if masks:
        files = sorted(path for path in Path(masks).rglob("*") if path.is_file())
        hashes["masks"] = fingerprint(files, with_names=True)
    return {"video": video, "settings": chosen, "weights": hashes}


_PATHS = ("weights", "propagator_weights", "masks")
