"""Every region of a video: `overseg.run`."""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, cast

from overseg.api.arguments import checked_arguments
from overseg.api.opened import opened
from overseg.api.shared import SharedChanges, name_of_input, reporting
from overseg.data.budget import Budget
from overseg.errors import InputError, SettingsError

if TYPE_CHECKING:
    import numpy as np

    from overseg.api.opened import Opened
    from overseg.api.result import Result
    from overseg.build import KeptStages
    from overseg.data.video_info import VideoInfo
    from overseg.stages import GivenMasks, Report
    from overseg.store.result import Result as StoredResult
    from overseg.video.buffered import BufferedVideo


class SettingsChanges(SharedChanges, total=False):
    """The fields of `Settings` that differ from the preset's; see there."""

    generator: str
    propagator: str
    masks: str | None
    first_number: int | None
    video_name: str | None
    step: int | Literal["auto"]
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
    stretch: int | None
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
    from_store: str | Path | None = None,
    render: str | Path | Sequence[str | Path] = (),
    overwrite: bool = False,
    report: "Report | None" = None,
    build: "KeptStages | None" = None,
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
        preset: "no-weights", "preview", "fast" or "full"; None picks what fits the machine. A preview goes on as its
            store was begun, whichever weights are here now.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        budget: limits such as "10m,coverage=0.98"; see `Budget`. None works until everything is done.
        feature_cache: host memory for SAM 2's image features, so that frames visited again are not encoded again: a
            number of bytes, or as "4G", which None is. It changes the time a run takes, and no mask.
        from_store: a store, such as of `overseg.import_masks`, whose masks are known on their frames: they are
            propagated to all other frames, and no new ones are made.
        render: a video file or a folder of pictures, or several, to draw the result to, all masks over the frames.
        overwrite: discard what the store holds.
        report: receives the progress of every step; None for progress bars on a terminal.
        build: builds the stages, and keeps the models for the next run that is given it; None for new ones.
        changes: settings that differ from the preset's; see `Settings`.

    Returns:
        The published result.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    since = time.monotonic()
    from overseg.api.results import open
    from overseg.output.render import check_destination, render_result

    drawn = [render] if isinstance(render, str | Path) else list(render)
    if from_store is not None:
        from overseg.api.continued import continue_store

        return continue_store(
            from_store,
            input,
            output,
            device=device,
            feature_cache=feature_cache,
            render=drawn,
            overwrite=overwrite,
            report=report,
            without_effect={"preset": preset, "budget": budget},
            changes=dict(changes),
        )
    limits = _limits(budget)
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        for destination in drawn:
            check_destination(destination, name_of_input(input))
        job = stack.enter_context(
            opened(
                input,
                output,
                preset,
                device,
                dict(changes),
                feature_cache=feature_cache,
                report=report,
                overwrite=overwrite,
            )
        )
        _work(job, output, limits, build=build, overwrite=overwrite, report=report, since=since)
        result = open(output)
        for destination in drawn:
            render_result(result, destination, video=job.video, report=report)
    return result


def _work(
    job: "Opened",
    output: str | Path,
    budget: Budget,
    *,
    build: "KeptStages | None",
    overwrite: bool,
    report: "Report",
    since: float,
) -> None:
    from overseg.build import KeptStages
    from overseg.engine.sweep.run import sweep_video
    from overseg.stages import GivenMasks
    from overseg.store.result import open_result
    from overseg.store.zarr_store import ZarrStore

    settings, info, build = job.choice.settings, job.video.info, build or KeptStages()
    with ZarrStore.create_or_resume(output, **job.of_store, provenance=job.provenance, overwrite=overwrite) as store:
        if store.final:
            if settings.masks and not open_result(output).frames.n_masks.any():  # refused before, and again
                stages = build(settings, job.machine)
                _tell_of_given(cast(GivenMasks, stages.generator), job.video, open_result(output), report)
            report.event("remark", line=f"{output} is complete already: nothing to do")
            return
        if store.root.result is not None and _stopped_by(open_result(output), budget):
            report.event("remark", line=f"{output} was stopped by this budget already: nothing to do")
            return
        stages = build(settings, job.machine)
        report.event("remark", line=job.choice.line)
        if isinstance(stages.generator, GivenMasks):
            _refuse_if_elsewhere(stages.generator, job.video)
        if info.n_lost:
            report.event("remark", line=_lost(info))
        sweep_video(
            job.video,
            stages,
            store,
            settings=settings,
            budget=budget,
            report=report,
            since=since,
            turn=build.turn,
            ahead=store.is_ahead,
        )
        store.keep_ahead(False)
    if isinstance(stages.generator, GivenMasks):
        _tell_of_given(stages.generator, job.video, open_result(output), report)


def _refuse_if_elsewhere(generator: "GivenMasks", video: "BufferedVideo") -> None:
    """Refuse with InputError masks that somebody gave, of which none is on a frame of the run."""
    if generator.frames(video.source_frames).isdisjoint(video.numbers):
        lines = generator.unused(video.source_frames, frozenset())
        raise InputError(f"no masks are on the frames of the run; {'; '.join(lines)}")


def _tell_of_given(generator: "GivenMasks", video: "BufferedVideo", result: "StoredResult", report: "Report") -> None:
    """Say which of the masks that somebody gave are not in the result; InputError where none of them is."""
    keyframes = (video.numbers[frame] for frame in result.frames.is_keyframe.nonzero()[0].tolist())
    lines = generator.unused(video.source_frames, frozenset(keyframes))
    if not result.frames.n_masks.any():
        reason = "; ".join(lines) or "all masks that were given are empty, or smaller than --min-area"
        raise InputError(f"the result has no masks; {reason}")
    for line in lines:
        report.event("remark", line=line)


def _stopped_by(result: "StoredResult", budget: Budget) -> bool:
    """Whether a limit of this budget ended the run whose result this is."""
    return result.summary["stop_reason"] in {f"budget {limit}" for limit in budget.limits.values()}


def _limits(budget: object) -> Budget:
    if budget is None or isinstance(budget, Budget):
        return budget or Budget()
    if isinstance(budget, str):
        return Budget.parse(budget)
    raise SettingsError(f"--budget takes limits such as 90s, 10m, coverage=0.98 or masks=100000, not {budget!r}")


def _lost(info: "VideoInfo") -> str:
    frames = "1 frame" if info.n_lost == 1 else f"{info.n_lost} frames"
    return f"{info.name} is damaged or cut off: {frames} could not be decoded and are left out"
