"""The backends by their names, with what a caller asks of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.autotracking.backend import Backend
from overseg.data.setting import option
from overseg.errors import SettingsError
from overseg.hosted.connection import Patience
from overseg.output.form import Form
from overseg.output.sink import is_video
from overseg.output.spare_input import spare_input

if TYPE_CHECKING:
    from overseg.stages import Report, Video

PATIENCE = Patience()
BACKENDS = ("local", "replicate")


@dataclass(frozen=True)
class Asked:
    """What a caller asks of whichever backend; see `autotrack`. `settings` are those of tracking."""

    input: Path
    output: Path
    style: str | None
    form: Form
    device: str
    settings: dict[str, Any]
    overwrite: bool
    report: "Report"


def backend_named(name: str, asked: Asked, video: "Video") -> Backend:
    """The backend of this name, ready to work; SettingsError where there is none, or it does not do what is asked."""
    if name == "local":
        return _local(asked)
    if name == "replicate":
        return _hosted(asked, video.info.fps)
    raise SettingsError(f"--backend is one of {', '.join(BACKENDS)}, not {name!r}")


def _local(asked: Asked) -> Backend:
    from overseg.autotracking.local import LocalBackend
    from overseg.output.render_options import RenderOptions

    if asked.style is None and asked.form != Form():
        raise SettingsError("--format, --fps, --every and --quality are of a result that --style asks for: give one")
    render_options = None if asked.style is None else RenderOptions(style=asked.style)
    form = replace(asked.form, format=asked.form.format or ("webm" if asked.style == "alpha" else "mp4"))
    destination = asked.output / (f"result.{form.format}" if is_video(form.format or "") else "result")
    if render_options is not None:
        form.format_of(destination, render_options)
        spare_input(destination, asked.input)
    return LocalBackend(
        input=asked.input,
        output=asked.output,
        device=asked.device,
        overwrite=asked.overwrite,
        changes=asked.settings,
        render_options=render_options,
        destination=destination,
        form=form,
        report=asked.report,
    )


def _hosted(asked: Asked, input_fps: float) -> Backend:
    from overseg.autotracking.hosted import HostedBackend
    from overseg.hosted.replicate import Replicate
    from overseg.output.render import DEFAULT_FPS

    for name in asked.settings:
        raise SettingsError(f"{option(name)} is for --backend local: the hosted models decide that themselves")
    return HostedBackend(
        replicate=Replicate.of_environment(patience=PATIENCE),
        input=asked.input,
        output=asked.output,
        style=asked.style or "binary",
        format=asked.form.format or "mp4",
        form=asked.form,
        fps=float(input_fps or DEFAULT_FPS if asked.form.fps is None else asked.form.fps),
        overwrite=asked.overwrite,
        report=asked.report,
    )
