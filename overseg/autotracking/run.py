"""From a video alone to objects followed through it: `overseg.autotrack`, the same as the command line."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from overseg.api.shared import out_of_memory_as_error
from overseg.api.track import TrackChanges
from overseg.autotracking.backend import OF_MASKS, Backend, MaskOptions
from overseg.autotracking.backends import Asked, backend_named
from overseg.autotracking.first_frame import WRITTEN, Finder, Found, keep_clicks, seeded
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

_WHICH_FRAMES = ("start", "end", "stride")


@dataclass(frozen=True)
class Autotracked:
    """What was followed.

    Attributes:
        clicks: on what.
        n_masks: how many masks were found on the first frame; 0 where clicks were given.
        result: the tracks; None where hosted models drew them, in another style than "binary".
    """

    clicks: Clicks
    n_masks: int
    result: "Result | None"


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
    """Choose the largest objects of the first frame, click on them, and follow them; what `overseg autotrack` does.

    Example:
        >>> overseg.autotrack("cup.mp4", "cup", style="alpha").clicks.strings()  # doctest: +SKIP
        {'click_coordinates': '[391,239],[512,300]', 'click_labels': '1,1', …}

    Args:
        input: a video file in any container that FFmpeg reads, or a folder of images.
        output: a folder for `frame0.png`, `masks_all`, `masks_selected`, `clicks.json`, the store `tracks.zarr`, and
            with a style `result`, as a file or a folder.
        clicks: a file of clicks to follow in place of those that would be made.
        seeding: how many objects are chosen, and how they are clicked.
        masks: how the masks of the first frame are made.
        detector: a detector as .onnx, or .pt with ultralytics, whose objects are followed in place of the largest
            masks, the surest first; `confidence` says how sure it must be.
        detector_frames: on so many frames the detector looks at most, from the first on; the first frame with a sure
            object is clicked.
        categories: names of the detector's categories that it looks for; nothing for all of them.
        backend: "local"; or "replicate", which sends frame and video to hosted models with the token in the environment
            variable REPLICATE_API_TOKEN, and writes `video_result.json`, too. The store is made of what they return
            in the style "binary", and has one track, as all objects come in one picture.
        style: how the result is drawn, see `STYLES`; None for not at all, or with "replicate" for "binary".
        format: of the result: ending of a video, or of pictures; None for mp4, or webm with alpha.
        fps, every, quality: of the result; see `Form`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        overwrite: throw away what the folder holds of an older call.
        report: is told of every step; None for progress bars on a terminal.
        changes: settings of tracking that differ from their defaults; see `TrackSettings`.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.report import TerminalReport
    from overseg.video.open import open_video

    output, form = Path(output), Form(format=format, fps=fps, every=every, quality=quality)
    _refuse_idle(clicks, detector, seeding or Seeding(), masks or MaskOptions())
    for name in WRITTEN:
        spare_input(output / name, input)
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        stack.enter_context(out_of_memory_as_error())
        which = {name: changes[name] for name in _WHICH_FRAMES if name in changes}  # type: ignore[literal-required]
        video = stack.enter_context(open_video(input, **which))
        of_detector = () if detector is None else ("confidence",)
        settings = {name: value for name, value in changes.items() if name not in of_detector}
        asked = Asked(Path(input), output, style, form, device, settings, overwrite, report)
        confidence = changes.get("confidence", TrackSettings.confidence)
        find = _finder_of_detector(asked, detector, detector_frames, tuple(categories), confidence)
        chosen = backend_named(backend, asked, video)
        if clicks is not None:
            found, n_masks = read_clicks(Path(clicks), size=video.info.size, n_frames=len(video)), 0
            keep_clicks(found, video, output, overwrite=overwrite)
        else:
            find = find or partial(_all_masks, chosen, masks or MaskOptions())
            found, n_masks = seeded(video, output, find, seeding or Seeding(), overwrite=overwrite)
        return Autotracked(found, n_masks, chosen.track(found))


def _refuse_idle(clicks: object, detector: object, seeding: Seeding, masks: MaskOptions) -> None:
    """Refuse with SettingsError what says where to click, or how to find it, where something else says it already."""
    if clicks is not None and detector is not None:
        raise SettingsError("--clicks says what is followed, and so does --detector: leave one of the two out")
    chosen = [f.name for f in fields(seeding) if getattr(seeding, f.name) != f.default]
    how = [f.name for f in fields(masks) if getattr(masks, f.name) != f.default]
    for name in (*chosen, *how) if clicks is not None else how if detector is not None else ():
        given = "--clicks" if clicks is not None else "--detector"
        raise SettingsError(f"{option(name)} has no use with {given}, which says what is followed: leave one out")


def _finder_of_detector(
    asked: Asked, detector: str | Path | None, n_frames: int, categories: tuple[str, ...], confidence: float
) -> Finder | None:
    """Finds what a detector is sure of; None where there is none."""
    check_range("detector_frames", n_frames, int, 1, None)
    if detector is None:
        if n_frames > 1:
            raise SettingsError("--detector-frames is how many frames a detector looks at: add --detector")
        if categories:
            raise SettingsError("--category is of what a detector finds, and there is none: add --detector")
        return None
    from overseg.autotracking.detected import detected

    sam = {name: asked.settings[name] for name in OF_MASKS if name in asked.settings}
    return partial(detected, Path(detector), confidence, n_frames, categories, sam, asked.device, asked.report)


def _all_masks(backend: Backend, options: MaskOptions, video: "Video", picture: Path) -> Found:
    return Found(backend.masks(video[0], picture, options))
