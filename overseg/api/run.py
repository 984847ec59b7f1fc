"""Every region of a video: `overseg.run`."""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from overseg.api.arguments import checked_arguments
from overseg.api.shared import (
    SharedChanges,
    check_cache_is_used,
    feature_cache_bytes,
    identity_of,
    name_of_input,
    out_of_memory_as_error,
    provenance,
    reporting,
)
from overseg.data.budget import Budget
from overseg.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np

    from overseg.data.video_info import VideoInfo
    from overseg.presets import Choice
    from overseg.stages import Report, Video
    from overseg.store.result import Result


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
    propagated_prompts: bool | None
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


@checked_arguments
def run(
    input: "str | Path | Iterable[np.ndarray]",
    output: str | Path,
    *,
    preset: str | None = None,
    device: str = "auto",
    budget: str | Budget | None = None,
    feature_cache: str | int | None = None,
    render: str | Path | Sequence[str | Path] = (),
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
        input: a video file in any container that FFmpeg reads, a folder of images, or arrays of uint8 [h, w, 3] such
            as a generator yields. Arrays are not kept: to draw the result, give them again as `video`.
        output: the store to write, a path or such an address as `s3://bucket/cup.zarr`. One made from the same video
            with the same settings is continued.
        preset: "preview", "fast" or "full"; None picks what fits the machine.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        budget: limits such as "10m,coverage=0.98"; see `Budget`. None works until everything is done.
        feature_cache: host memory for SAM 2's image features, so that frames visited again are not encoded again: a
            number of bytes, or as "4G", which None is. It changes the time a run takes, and no mask.
        render: a video file or a folder of pictures, or several, to draw the result to, all masks over the frames.
        overwrite: discard what the store holds.
        report: receives the progress of every step; None for progress bars on a terminal.
        changes: settings that differ from the preset's; see `Settings`.

    Returns:
        The published result.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    since = time.monotonic()
    from overseg.api.results import open
    from overseg.output.render import check_destination, render_result
    from overseg.presets import choose
    from overseg.video.open import open_video

    limits, cache_bytes = _limits(budget), feature_cache_bytes(feature_cache)
    drawn = [render] if isinstance(render, str | Path) else list(render)
    for destination in drawn:
        check_destination(destination, name_of_input(input))
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        choice = choose(preset, device, dict(changes), report=report)
        settings = choice.settings
        check_cache_is_used(feature_cache, settings.propagator)
        video = open_video(
            input, start=settings.start, end=settings.end, stride=settings.stride, resize=settings.resize
        )
        stack.enter_context(video)
        stack.enter_context(out_of_memory_as_error())
        _work(
            video,
            name_of_input(input),
            output,
            choice,
            limits,
            cache_bytes=cache_bytes,
            overwrite=overwrite,
            report=report,
            since=since,
        )
        result = open(output)
        for destination in drawn:
            render_result(result, destination, video=video, report=report)
    return result


def _work(
    video: "Video",
    input: str,
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
    from overseg.data.machine import Machine
    from overseg.engine.sweep.run import sweep_video
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
        stages = build_stages(choice.settings, Machine(choice.device, cache_bytes))
        report.event("remark", line=choice.line)
        if video.info.n_lost:
            report.event("remark", line=_lost(video.info))
        sweep_video(video, stages, store, settings=choice.settings, budget=budget, report=report, since=since)


def _limits(budget: object) -> Budget:
    if budget is None or isinstance(budget, Budget):
        return budget or Budget()
    if isinstance(budget, str):
        return Budget.parse(budget)
    raise SettingsError(f"--budget takes limits such as 90s, 10m, coverage=0.98 or masks=100000, not {budget!r}")


def _lost(info: "VideoInfo") -> str:
    frames = "1 frame" if info.n_lost == 1 else f"{info.n_lost} frames"
    return f"{info.name} is damaged or cut off: {frames} could not be decoded and are left out"
