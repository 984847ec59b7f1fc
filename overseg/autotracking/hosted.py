"""Masks and tracks by the models that Replicate hosts."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from overseg.autotracking.backend import MaskOptions
from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.errors import InputError, SettingsError
from overseg.hosted.replicate import Replicate
from overseg.hosted.sam2 import VIDEO_MODEL, download_result, masks_of_picture, track_video
from overseg.output.form import Form
from overseg.output.sink import is_video
from overseg.output.spare_input import spare_input
from overseg.prompts.clicks import Clicks
from overseg.stages import Report

STYLES = ("binary", "highlighted", "greenscreen")
_PICTURES, _VIDEOS = ("png", "jpg", "webp"), ("mp4",)
_MIN_FPS, _MAX_FPS = 1, 60
_RESULT = "video_result.json"


@dataclass(frozen=True)
class HostedBackend:
    """Has meta/sam-2 find masks, and meta/sam-2-video follow clicks, on the user's account.

    Attributes:
        replicate: runs them.
        input: the video, a file.
        output: folder of all that is written.
        style: in which the model returns the result.
        format, form: of the result.
        fps: of a video.
        report: is told of every step.
    """

    replicate: Replicate
    input: Path
    output: Path
    style: str
    format: str
    form: Form
    fps: float
    report: Report

    def __post_init__(self) -> None:
        """Refuse what the hosted models do not do; SettingsError or InputError in one line."""
        if self.style not in STYLES:
            raise SettingsError(f"--style is one of {', '.join(STYLES)} with --backend replicate, not {self.style}")
        if self.format not in (*_PICTURES, *_VIDEOS):
            known = ", ".join((*_VIDEOS, *_PICTURES))
            raise SettingsError(f"--format is one of {known} with --backend replicate, not {self.format}")
        if not self.input.is_file():
            raise InputError(f"--backend replicate takes a video file, and {self.input} is none")
        spare_input(self.output / (f"result.{self.format}" if is_video(self.format) else "result"), self.input)

    def masks(self, frame: Frame, picture: Path, options: MaskOptions) -> Rles:
        """Masks of the first frame; see `Backend`."""
        self.report.event("remark", line=f"sending {picture.name} to Replicate")
        return masks_of_picture(self.replicate, picture, size=frame.size, **asdict(options))

    def track(self, clicks: Clicks) -> None:
        """Follow what is clicked, download what comes of it, and keep what the model says; see `Backend`."""
        self.report.event("remark", line=f"sending {self.input.name} and {len(clicks)} clicks to Replicate")
        video = is_video(self.format)
        options: dict[str, Any] = {
            "mask_type": self.style,
            "output_video": video,
            "video_fps": min(max(round(self.fps), _MIN_FPS), _MAX_FPS),
            "output_format": "png" if video else self.format,
            "output_quality": self.form.quality,
            "output_frame_interval": self.form.every,
        }
        prediction = track_video(self.replicate, self.input, clicks.strings(), options)
        content = json.dumps({"model": VIDEO_MODEL, **prediction}, indent=2)
        (self.output / _RESULT).write_text(content + "\n", encoding="utf-8")
        download_result(self.replicate, prediction, self.output, format=self.format, video=video, every=self.form.every)
