"""The backend of `overseg autotrack` that uses models on this machine."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.shared import name_of_input
from overseg.api.track import track_objects
from overseg.autotracking.backend import OF_MASKS, STORE, MaskOptions
from overseg.build import build_stages, find_weights
from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.rles import Rles
from overseg.output.form import Form
from overseg.output.render import render
from overseg.output.render_options import RenderOptions
from overseg.presets import choose
from overseg.prompts.clicks import Clicks
from overseg.stages import Report
from overseg.video.buffered import BufferedVideo

if TYPE_CHECKING:
    from overseg.store.result import Result


@dataclass(frozen=True)
class LocalBackend:
    """Finds masks with a Segment Anything model, and tracks clicks as `overseg track` does.

    Attributes:
        input: where the video is.
        video: its frames, in the size in which they are tracked.
        output: folder for all files.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        overwrite: replace the contents of an existing store.
        changes: settings of tracking that differ from their defaults; see `TrackSettings`.
        render_options: how the result is drawn; None to draw nothing.
        destination, form: path and form of the drawn result.
        report: receives every step.
    """

    input: Path
    video: BufferedVideo
    output: Path
    device: str
    overwrite: bool
    changes: dict[str, Any]
    render_options: RenderOptions | None
    destination: Path
    form: Form
    report: Report

    def masks(self, frame: Frame, picture: Path, options: MaskOptions) -> Rles:
        """Return masks of the first frame; see `Backend`."""
        wanted = asdict(options) | {name: self.changes[name] for name in OF_MASKS if name in self.changes}
        use_m2m = wanted.pop("use_m2m")
        wanted |= {"generator": "sam1", "propagator": "none", "min_coverage": 0.0}  # weak masks make bad seeds
        choice = choose(None, self.device, wanted, report=self.report)
        find_weights(choice.settings, report=self.report)
        side = options.points_per_side
        line = f"finding masks on {picture.name} with {choice.settings.weights}, from {side} x {side} points"
        self.report.event("remark", line=line)
        generator = build_stages(choice.settings, Machine(choice.device)).generator
        found = generator.generate(frame, Rles.empty(frame.size)).rles
        return generator.generate(frame, found).rles if use_m2m else found

    def track(self, clicks: Clicks) -> "Result":
        """Track the clicked objects; see `Backend`."""
        result = track_objects(
            self.video,
            name_of_input(self.input),
            self.output / STORE,
            clicks.prompted(self.video.info.size),
            self.changes,
            device=self.device,
            overwrite=self.overwrite,
            report=self.report,
        )
        if self.render_options is not None:
            render(
                result,
                self.video,
                self.destination,
                render_options=self.render_options,
                form=self.form,
                report=self.report,
            )
        return result
