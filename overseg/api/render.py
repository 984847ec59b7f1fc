"""Pictures and videos of a result: `overseg.render`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from overseg.api.arguments import checked_arguments
from overseg.api.filters import FilterChanges, filters_of

if TYPE_CHECKING:
    import numpy as np

    from overseg.data.filters import Filters
    from overseg.data.track_names import TrackName
    from overseg.output.form import Form
    from overseg.output.render_options import RenderOptions
    from overseg.stages import Report
    from overseg.store.result import Result

# Options that one picture has no use for.
_PICTURE_OPTIONS = ("fps", "audio", "every", "format", "per_track", "crop", "start", "end")


@dataclass(frozen=True)
class Rendered:
    """What was drawn.

    Attributes:
        path: the file or folder.
        gist: how many frames, tracks or masks, in words.
    """

    path: Path
    gist: str

    def __str__(self) -> str:
        return f"{self.path}: {self.gist}"


@checked_arguments
def render(
    store: "str | Path | Result",
    output: str | Path,
    *,
    frame: int | None = None,
    style: str = "overlay",
    opacity: float | None = None,
    side_by_side: bool = False,
    names: bool = False,
    labels: str | Path | None = None,
    per_track: bool = False,
    crop: bool = False,
    audio: bool = False,
    format: str | None = None,
    fps: float | None = None,
    every: int = 1,
    quality: int = 80,
    video: "str | Path | Iterable[np.ndarray] | None" = None,
    report: "Report | None" = None,
    **filters: Unpack[FilterChanges],
) -> Rendered:
    """Draw masks over the video, or write mattes of them; what `overseg render` does.

    Example:
        >>> overseg.render("cup.zarr", "overlay.mp4")  # doctest: +SKIP
        >>> overseg.render("cup.zarr", "still.png", frame=40, side_by_side=True)  # doctest: +SKIP
        >>> overseg.render("cup.zarr", "cup.webm", style="alpha", ids=(7,))  # doctest: +SKIP

    Args:
        store: a store, or the result in it.
        output: a video file (.mp4, .mov, .mkv, .webm), a folder for pictures, or with `frame` a picture (.png, .jpg,
            .webp). An older one of that name is replaced; the input never is.
        frame: only this frame, as a picture.
        style: "overlay", "binary", "greenscreen", "highlighted", "alpha" and others; `overseg render --help` lists
            them.
        opacity: of the masks' fill, 0 to 1; None for 0.5.
        side_by_side: put the frame without masks to the left.
        names: draw boxes, and the name of each track that has one.
        labels: a CSV file with the column track, and name, category or drop; names take the place of the tracks' own,
            and tracks to drop are not drawn.
        per_track: a file or folder for each track; `output` is then a folder.
        crop: with `per_track`, only the box that the track stays in.
        audio: write the input's sound, too.
        format: ending of the pictures in a folder, or of videos with `per_track`.
        fps: frames per second of a video; None for the input's own times.
        every: write every Nth frame.
        quality: of jpg and webp, 1 to 100.
        video: where the input is now, if it was moved since the run; or its frames as arrays.
        report: receives the progress; None for a progress bar.
        filters: which tracks and frames: `ids`, `start`, `end`, `min_length`, `min_area_px`, `min_score`,
            `sam_output`, `new_only`, `wholes`.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.api.results import opened
    from overseg.output.form import Form
    from overseg.output.render_options import RenderOptions

    of_video = {"format": format, "fps": fps, "every": every, "per_track": per_track, "crop": crop, "audio": audio}
    _check(Path(output), frame, {**of_video, **filters})
    form = Form(format=format, fps=fps, every=every, quality=quality, per_track=per_track, crop=crop)
    options = RenderOptions(style=style, opacity=opacity, side_by_side=side_by_side, names={} if names else None)
    chosen, result = filters_of(dict(filters)), opened(store)
    called, chosen = (result.names, chosen) if labels is None else _labelled(result, Path(labels), chosen)
    if names:
        options = replace(options, names=called)
    if audio:
        form = replace(form, sound=Path(video if isinstance(video, str | Path) else _input_of(result)))
    _write(result, Path(output), frame, options, chosen, form, video, report)
    return Rendered(Path(output), _gist(result, frame, form, chosen))


def _labelled(result: "Result", labels: Path, filters: "Filters") -> "tuple[Mapping[int, TrackName], Filters]":
    """What tracks are called in a file of labels, and the filters without those that it drops."""
    from overseg.interchange.relabel import read_labels

    read = read_labels(labels, len(result.tracks), result.names)
    kept = {track for track, id in enumerate(read.id.tolist()) if id >= 0}
    ids = kept if filters.ids is None else kept & set(filters.ids)
    return read.track_names, replace(filters, ids=tuple(sorted(ids)))


def _input_of(result: "Result") -> str:
    return str(result.provenance.get("input", result.info.name))


def _check(output: Path, frame: int | None, given: dict[str, object]) -> None:
    """Refuse options that do not fit together."""
    from overseg.errors import SettingsError
    from overseg.output.picture_file import PICTURE_SUFFIXES

    if frame is not None:
        for name in _PICTURE_OPTIONS:
            if given.get(name) not in (None, False, 0) and (name, given[name]) != ("every", 1):
                spelled = name.replace("_", "-")
                raise SettingsError(f"--frame writes one picture, which has no --{spelled}: leave one of the two out")
    elif output.suffix.lower() in PICTURE_SUFFIXES:
        raise SettingsError(
            f"{output} is a picture: say which frame with --frame N, or name a video such as out.mp4, or a folder"
        )


def _write(
    result: "Result",
    output: Path,
    frame: int | None,
    options: "RenderOptions",
    filters: "Filters",
    form: "Form",
    video: "str | Path | Iterable[np.ndarray] | None",
    report: "Report | None",
) -> None:
    from overseg.api.shared import reporting
    from overseg.output.input_video import open_input, opened_input
    from overseg.output.picture_file import check_picture_name, write_picture
    from overseg.output.render import render as draw
    from overseg.output.render import render_frame
    from overseg.output.spare_input import spare_input

    if frame is not None:
        check_picture_name(output, channels=options.channels)
    else:
        form.format_of(output, options)
    named = video if isinstance(video, str | Path) else None
    spare_input(output, named or _input_of(result))
    opening = opened_input(result) if video is None else open_input(result, video)
    with opening as frames, reporting(report) as told:
        if frame is None:
            draw(result, frames, output, render_options=options, filters=filters, form=form, report=told)
        else:
            picture = render_frame(result, frames, frame, render_options=options, filters=filters)
            write_picture(output, picture, quality=form.quality)


def _gist(result: "Result", frame: int | None, form: "Form", filters: "Filters") -> str:
    """What is to be seen, in a few words."""
    frames = filters.frames(len(result))
    shown = filters.tracks(result.tracks, frames)
    if frame is None:
        return f"{len(frames[:: form.every])} frames, {shown.sum()} of {len(result.tracks)} tracks"
    tracks = result.masks_at(frame).track
    return f"frame {frame}, {shown[tracks].sum()} of {len(tracks)} masks"
