"""From a video alone to objects followed through it: `overseg.autotrack`, the same as the command line."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from overseg.api import out_of_memory_told
from overseg.autotracking.backend import Backend, MaskOptions
from overseg.data.settings import option
from overseg.errors import InputError, SettingsError
from overseg.hosted.connection import Patience
from overseg.output.form import Form
from overseg.output.sink import is_video
from overseg.prompts.clicks import Clicks, read_clicks, write_clicks
from overseg.prompts.seeding import Seeding
from overseg.tracking import TrackChanges

if TYPE_CHECKING:
    from overseg.stages import Report
    from overseg.store.result import Result
    from overseg.video.buffered import BufferedVideo

PATIENCE = Patience()
BACKENDS = ("local", "replicate")
_PICTURE, _CLICKS, _ALL, _SELECTED = "frame0.png", "clicks.json", "masks_all", "masks_selected"
_WHICH_FRAMES = ("start", "end", "stride")


@dataclass(frozen=True)
class Autotracked:
    """What was followed.

    Attributes:
        clicks: on what.
        n_masks: how many masks were found on the first frame; 0 where clicks were given.
        result: the tracks; None where they were made on another machine.
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
        backend: "local"; or "replicate", which sends frame and video to hosted models with the token in the environment
            variable REPLICATE_API_TOKEN, and writes `video_result.json` in place of a store.
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
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        stack.enter_context(out_of_memory_told())
        which = {name: changes[name] for name in _WHICH_FRAMES if name in changes}  # type: ignore[literal-required]
        video = stack.enter_context(open_video(input, **which))
        if backend == "local":
            chosen = _local(Path(input), output, style, form, device, dict(changes), report, overwrite=overwrite)
        elif backend == "replicate":
            chosen = _hosted(Path(input), output, style, form, dict(changes), report, video.info.fps)
        else:
            raise SettingsError(f"--backend is one of {', '.join(BACKENDS)}, not {backend!r}")
        made_of = None if clicks is None else read_clicks(Path(clicks), size=video.info.size, n_frames=len(video))
        _make_folder(output)
        if made_of is None:
            seeding, masks = seeding or Seeding(), masks or MaskOptions()
            found, n_masks = _seeded(video, output, chosen, seeding, masks, overwrite=overwrite)
        else:
            found, n_masks = made_of, 0
            _check_same(found, output / _CLICKS, video, overwrite=overwrite)
        write_clicks(output / _CLICKS, found)
        return Autotracked(found, n_masks, chosen.track(found))


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot make the folder {output}: {e.strerror}; name one in a folder that exists") from e


def _local(
    input: Path,
    output: Path,
    style: str | None,
    form: Form,
    device: str,
    changes: dict[str, Any],
    report: "Report",
    *,
    overwrite: bool,
) -> Backend:
    from overseg.autotracking.local import LocalBackend
    from overseg.output.look import Look

    if style is None and form != Form():
        raise SettingsError("--format, --fps, --every and --quality are of a result that --style asks for: give one")
    look = None if style is None else Look(style=style)
    form = replace(form, format=form.format or ("webm" if style == "alpha" else "mp4"))
    destination = output / (f"result.{form.format}" if is_video(form.format or "") else "result")
    if look is not None:
        form.format_of(destination, look)
    return LocalBackend(input, output, device, overwrite, changes, look, destination, form, report)


def _hosted(
    input: Path, output: Path, style: str | None, form: Form, changes: dict[str, Any], report: "Report", fps: float
) -> Backend:
    from overseg.autotracking.hosted import HostedBackend
    from overseg.hosted.replicate import Replicate
    from overseg.output.render import DEFAULT_FPS

    for name in changes:
        raise SettingsError(f"{option(name)} is for --backend local: the hosted models decide that themselves")
    fps = fps or DEFAULT_FPS if form.fps is None else float(form.fps)
    replicate = Replicate.of_environment(patience=PATIENCE)
    return HostedBackend(replicate, input, output, style or "binary", form.format or "mp4", form, fps, report)


def _seeded(
    video: "BufferedVideo", output: Path, backend: Backend, seeding: Seeding, options: MaskOptions, *, overwrite: bool
) -> tuple[Clicks, int]:
    """Clicks on the largest objects of the first frame, and how many masks were found there."""
    from overseg.interchange.png import mask_png
    from overseg.output.picture_file import write_picture

    frame = video[0]
    write_picture(output / _PICTURE, frame.rgb)
    with _replaced(output / _ALL) as all_masks, _replaced(output / _SELECTED) as selected:
        found = backend.masks(frame, output / _PICTURE, all_masks, options)
        objects = seeding.chosen(found)
        if not len(objects):
            raise InputError(
                f"{len(found)} masks were found on the first frame, and none has a part of {seeding.min_area_px} px: "
                "lower --min-area, --pred-iou-thresh or --stability-score-thresh"
            )
        for row in range(len(objects)):
            (selected / f"obj_{row + 1:02d}.png").write_bytes(mask_png(objects.take([row])))
        clicks = seeding.clicks(objects)
        _check_same(clicks, output / _CLICKS, video, overwrite=overwrite)
    return clicks, len(found)


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A folder of masks to fill; it takes the place of an older one."""
    from overseg.interchange.destination import written

    older = [path.name for path in folder.glob("*_*.png")]
    with written(folder, overwrite=True, ours=older) as place:
        yield place


def _check_same(clicks: Clicks, path: Path, video: "BufferedVideo", *, overwrite: bool) -> None:
    """Refuse to go on where an older call has followed other clicks."""
    if path.exists() and not overwrite:
        before = read_clicks(path, size=video.info.size, n_frames=len(video))
        if before.strings() != clicks.strings():
            raise InputError(
                f"{path} holds other clicks, of an older call: follow them with --clicks {path}, "
                "throw them away with --overwrite, or choose another folder"
            )
