"""Makes a backend by its name."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.autotracking.backend import Backend
from overseg.data.setting import check_range, option
from overseg.errors import SettingsError, did_you_mean
from overseg.hosted.connection import RetryPolicy
from overseg.output.form import Form
from overseg.output.sink import is_video
from overseg.output.spare_input import spare_input

if TYPE_CHECKING:
    from overseg.stages import Report
    from overseg.video.buffered import BufferedVideo

RETRY_POLICY = RetryPolicy()
BACKENDS = ("local", "replicate")


@dataclass(frozen=True)
class AutotrackRequest:
    """The arguments of `autotrack` that a backend needs; see there. `settings` are those of tracking."""

    input: Path
    output: Path
    style: str | None
    form: Form
    device: str
    settings: dict[str, Any]
    overwrite: bool
    report: "Report"


def backend_named(name: str, request: AutotrackRequest, video: "BufferedVideo") -> Backend:
    """Make the backend of this name; SettingsError if it is unknown, or cannot fulfil the request."""
    if name == "local":
        return _local(request, video)
    if name == "replicate":
        return _hosted(request, video.info.fps)
    raise SettingsError(f"--backend is one of {', '.join(BACKENDS)}, not {name!r}{did_you_mean(name, BACKENDS)}")


def _local(request: AutotrackRequest, video: "BufferedVideo") -> Backend:
    from overseg.autotracking.local import LocalBackend
    from overseg.output.render_options import RenderOptions

    if request.style is None and request.form != Form():
        raise SettingsError("--format, --fps, --every and --quality have no effect without --style: add it")
    render_options = None if request.style is None else RenderOptions(style=request.style)
    form = replace(request.form, format=request.form.format or ("webm" if request.style == "alpha" else "mp4"))
    destination = request.output / (f"result.{form.format}" if is_video(form.format or "") else "result")
    if render_options is not None:
        form.format_of(destination, render_options)
        spare_input(destination, request.input)
    resize = request.settings.get("resize")
    if resize is not None:
        check_range("resize", resize, int, 1, None)
    return LocalBackend(
        input=request.input,
        video=video.shrunk(resize),
        output=request.output,
        device=request.device,
        overwrite=request.overwrite,
        changes=request.settings,
        render_options=render_options,
        destination=destination,
        form=form,
        report=request.report,
    )


def _hosted(request: AutotrackRequest, input_fps: float) -> Backend:
    from overseg.autotracking.hosted import HostedBackend, check_style
    from overseg.hosted.replicate import Replicate
    from overseg.output.render import DEFAULT_FPS

    for name in request.settings:
        raise SettingsError(f"{option(name)} has no effect with --backend replicate: leave it out")
    style, format = request.style or "binary", request.form.format or "mp4"
    check_style(style, format)  # before the token is asked for
    return HostedBackend(
        replicate=Replicate.from_environment(policy=RETRY_POLICY),
        input=request.input,
        output=request.output,
        style=style,
        format=format,
        form=request.form,
        fps=float(input_fps or DEFAULT_FPS if request.form.fps is None else request.form.fps),
        overwrite=request.overwrite,
        report=request.report,
    )
