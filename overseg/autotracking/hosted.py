"""The backend of `overseg autotrack` that uses models on Replicate."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.autotracking.backend import STORE, MaskOptions
from overseg.autotracking.mattes import store_mattes
from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.errors import InputError, SettingsError, did_you_mean
from overseg.files.destination import check_free, check_replaceable, written
from overseg.hosted.replicate import Replicate
from overseg.hosted.sam2 import VIDEO_MODEL, download_result, masks_of_picture, track_video
from overseg.output.form import Form
from overseg.output.sink import is_video
from overseg.output.spare_input import spare_input
from overseg.prompts.clicks import Clicks
from overseg.stages import Report

if TYPE_CHECKING:
    from overseg.store.result import Result

STYLES = ("binary", "highlighted", "greenscreen")
_PICTURES, _VIDEOS = ("png", "jpg", "webp"), ("mp4",)
_MIN_FPS, _MAX_FPS = 1, 60
_RESULT = "video_result.json"


def check_style(style: str, format: str) -> None:
    """Raise SettingsError for a style or a format that the hosted models do not have."""
    for name, value, known in (("--style", style, STYLES), ("--format", format, (*_VIDEOS, *_PICTURES))):
        if value not in known:
            hint = did_you_mean(value, known)
            raise SettingsError(f"{name} is one of {', '.join(known)} with --backend replicate, not {value!r}{hint}")


@dataclass(frozen=True)
class HostedBackend:
    """Finds masks with meta/sam-2 and tracks clicks with meta/sam-2-video, on the user's account.

    Attributes:
        replicate: runs the models.
        input: the video, a file.
        output: folder for all files.
        style: style of the result; see `STYLES`.
        format, form: form of the result.
        fps: frames per second, if the result is a video.
        overwrite: replace the contents of an existing store.
        report: receives every step.
    """

    replicate: Replicate
    input: Path
    output: Path
    style: str
    format: str
    form: Form
    fps: float
    overwrite: bool
    report: Report

    def __post_init__(self) -> None:
        """Refuse an input that is no file, and outputs that are not to be replaced, with InputError."""
        if not self.input.is_file():
            raise InputError(f"--backend replicate takes a video file, and {self.input} is not one")
        spare_input(self._result, self.input)
        if self.style == "binary":  # refused here, before anything costs money
            check_free(self.output / STORE, overwrite=self.overwrite)
        if self._result.is_dir():
            check_replaceable(self._result, _is_picture)

    @property
    def _result(self) -> Path:
        return self.output / (f"result.{self.format}" if is_video(self.format) else "result")

    def masks(self, frame: Frame, picture: Path, options: MaskOptions) -> Rles:
        """Return masks of the first frame; see `Backend`."""
        self.report.event("remark", line=f"sending {picture.name} to Replicate")
        return masks_of_picture(self.replicate, picture, size=frame.size, **asdict(options))

    def track(self, clicks: Clicks) -> "Result | None":
        """Track the clicked objects, and write the model's files and its JSON; see `Backend`.

        Binary mattes also become a store. The other styles give pictures only.
        """
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
        self._download(prediction)
        return self._stored(tuple(dict.fromkeys(clicks.object))) if self.style == "binary" else None

    def _download(self, prediction: dict[str, Any]) -> None:
        download = partial(download_result, self.replicate, prediction, format=self.format, every=self.form.every)
        if is_video(self.format):
            download(self._result)
            return
        older = self._result.iterdir() if self._result.is_dir() else ()
        with written(
            self._result, overwrite=True, ours=[path.name for path in older if _is_picture(path.name)]
        ) as place:
            download(place)

    def _stored(self, names: tuple[str, ...]) -> "Result | None":
        try:
            return store_mattes(
                self._result,
                self.output / STORE,
                input=self.input,
                every=self.form.every,
                names=names,
                model=VIDEO_MODEL,
                overwrite=self.overwrite,
            )
        except InputError as e:  # keep the downloaded files, which were paid for
            self.report.event("remark", line=str(e))
            return None


def _is_picture(name: str) -> bool:
    return name.startswith("frame_") and name.rpartition(".")[2] in _PICTURES
