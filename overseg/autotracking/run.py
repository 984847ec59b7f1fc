"""`overseg.autotrack`: finds and tracks the largest objects of a video without prompts."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from overseg.api.arguments import checked_arguments
from overseg.api.shared import out_of_memory_as_error, reporting
from overseg.api.track import TrackChanges
from overseg.autotracking.backend import OF_MASKS, Backend, MaskOptions
from overseg.autotracking.backends import AutotrackRequest, backend_named
from overseg.autotracking.first_frame import WRITTEN, Finder, FoundObjects, keep_clicks, seeded
from overseg.data.setting import check_range, option
from overseg.data.track_settings import TrackSettings
from overseg.errors import SettingsError
from overseg.output.form import Form
from overseg.output.spare_input import spare_input
from overseg.prompts.clicks import Clicks, read_clicks
from overseg.prompts.seeding import Seeding

if TYPE_CHECKING:
    from overseg.stages import Report, Video
    from overseg.store.result import Result


@dataclass(frozen=True)
class Autotracked:
    """The tracked objects.

    Attributes:
        clicks: the clicks on them.
        n_masks: number of masks found on the first frame; 0 if clicks were given.
        result: the tracks; None if hosted models drew them in another style than "binary".
    """

    clicks: Clicks
    n_masks: int
    result: "Result | None"


@checked_arguments
def autotrack(
    input: str | Path,
    output: str | Path,
    *,
    clicks: str | Path | None = None,
    seeding: Seeding | None = None,
    masks: MaskOptions | None = None,
    detector: str | Path | None = None,
    detector_frames: int = 1,
    categories: Sequence[str] = (),
    backend: str = "local",
    style: str | None = None,
    format: str | None = None,
    fps: float | None = None,
    every: int = 1,
    quality: int = 80,
    device: str = "auto",
    overwrite: bool = False,
    report: "Report | None" = None,
    **changes: Unpack[TrackChanges],
) -> Autotracked:
    """Choose the largest objects of the first frame, click on them, and track them, as `overseg autotrack` does.

    Example:
        >>> overseg.autotrack("cup.mp4", "cup", style="alpha").clicks.strings()  # doctest: +SKIP
        {'click_coordinates': '[391,239],[512,300]', 'click_labels': '1,1', …}

    Args:
        input: a video file in any container that FFmpeg reads, or a folder of images.
        output: a folder for `frame0.png`, `masks_all`, `masks_selected`, `clicks.json`, the store `tracks.zarr`, and
            with a style `result`, as a file or a folder.
        clicks: a file of clicks to track; None to make clicks.
        seeding: how many objects are chosen, and how they are clicked.
        masks: how the masks of the first frame are made.
        detector: a detector as .onnx, or .pt with ultralytics. Its most confident objects, of at least `confidence`,
            are tracked instead of the largest masks.
        detector_frames: maximum number of frames that the detector searches, from the first on; the objects are
            clicked on the first frame with a confident detection.
        categories: the detector's categories to track; empty for all.
        backend: "local"; or "replicate", which sends the frame and the video to hosted models with the token in the
            environment variable REPLICATE_API_TOKEN, and also writes `video_result.json`. Only the style "binary" gives
            a store, with one track, because all objects share a picture.
        style: how the result is drawn, see `STYLES`; None for no drawing, or for "binary" with "replicate".
        format: ending of the result, a video or pictures; None for mp4, or webm with alpha.
        fps: frames per second of a video; None for the input's.
        every: every Nth frame is drawn.
        quality: of jpg and webp, from 1 to 100.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        overwrite: replace the outputs of an earlier call.
        report: receives every step; None for progress bars on a terminal.
        changes: settings of tracking that differ from their defaults; see `TrackSettings`.

    Raises:
        OversegError: the message contains what was expected, what came, where, and what to do.
    """
    from overseg.video.open import open_chosen

    output, form = Path(output), Form(format=format, fps=fps, every=every, quality=quality)
    _refuse_idle(clicks, detector, seeding or Seeding(), masks or MaskOptions())
    for name in WRITTEN:
        spare_input(output / name, input)
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        stack.enter_context(out_of_memory_as_error())
        unshrunk = {name: value for name, value in changes.items() if name != "resize"}
        video = stack.enter_context(open_chosen(input, unshrunk, report))
        of_detector = () if detector is None else ("confidence",)
        settings = {name: value for name, value in changes.items() if name not in of_detector}
        request = AutotrackRequest(Path(input), output, style, form, device, settings, overwrite, report)
        confidence = changes.get("confidence", TrackSettings.confidence)
        find = _finder_of_detector(request, detector, detector_frames, tuple(categories), confidence)
        chosen = backend_named(backend, request, video)
        if clicks is not None:
            found, n_masks = read_clicks(Path(clicks), size=video.info.size, n_frames=len(video)), 0
            keep_clicks(found, video, output, overwrite=overwrite)
        else:
            find = find or partial(_all_masks, chosen, masks or MaskOptions())
            found, n_masks = seeded(video, output, find, seeding or Seeding(), overwrite=overwrite)
        return Autotracked(found, n_masks, chosen.track(found))


def _refuse_idle(clicks: object, detector: object, seeding: Seeding, masks: MaskOptions) -> None:
    """Raise SettingsError for options of finding objects or clicks that --clicks or --detector replaces."""
    if clicks is not None and detector is not None:
        raise SettingsError("--clicks and --detector both choose the objects: leave one of the two out")
    chosen = [f.name for f in fields(seeding) if getattr(seeding, f.name) != f.default]
    how = [f.name for f in fields(masks) if getattr(masks, f.name) != f.default]
    for name in (*chosen, *how) if clicks is not None else how if detector is not None else ():
        given = "--clicks" if clicks is not None else "--detector"
        raise SettingsError(f"{option(name)} has no effect with {given}, which chooses objects: leave it out")


def _finder_of_detector(
    request: AutotrackRequest,
    detector: str | Path | None,
    n_frames: int,
    categories: tuple[str, ...],
    confidence: float,
) -> Finder | None:
    """Make the finder that uses a detector; None without a detector."""
    check_range("detector_frames", n_frames, int, 1, None)
    if detector is None:
        if n_frames > 1:
            raise SettingsError("--detector-frames has no effect without a detector: add --detector")
        if categories:
            raise SettingsError("--category has no effect without a detector: add --detector")
        return None
    from overseg.autotracking.detected import detected

    sam = {name: request.settings[name] for name in OF_MASKS if name in request.settings}
    return partial(detected, Path(detector), confidence, n_frames, categories, sam, request.device, request.report)


def _all_masks(backend: Backend, options: MaskOptions, video: "Video", picture: Path) -> FoundObjects:
    return FoundObjects(backend.masks(video[0], picture, options))
