"""The frames that another tool's masks are laid on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from overseg.annotations.annotations import Annotations
from overseg.annotations.values import SizeUnknownError
from overseg.data.source_frames import SourceFrames
from overseg.data.video_info import VideoInfo
from overseg.errors import InputError, SettingsError
from overseg.video.open import open_chosen


@dataclass(frozen=True)
class Target:
    """The frames of a store: those of a video that were chosen, or, without a video, those that masks are of.

    Attributes:
        settings: which frames, by the names of the settings of a run; those alone that differ from their defaults.
        video: path of the video; None where there is none.
        info: of the video as it is processed.
        timestamps_s: when each frame is shown.
        source: all frames of the video.
        source_size: (height, width) in pixels of the video's pictures.
        numbers: number in the video of each frame.
    """

    settings: Mapping[str, Any]
    video: Path | None = None
    info: VideoInfo | None = None
    timestamps_s: Float64[np.ndarray, " n"] | None = None
    source: SourceFrames | None = None
    source_size: tuple[int, int] | None = None
    numbers: range | None = None

    @classmethod
    def of(
        cls,
        video: str | Path | None,
        *,
        start: int = 0,
        end: int | None = None,
        stride: int = 1,
        resize: int | None = None,
    ) -> "Target":
        """Open the video, if there is one.

        Raises:
            SettingsError: an option has an impossible value, or --resize is given without a video.
            InputError: the video cannot be opened.
        """
        given = {"start": start, "end": end, "stride": stride, "resize": resize}
        settings = {name: value for name, value in given.items() if value != _DEFAULTS[name]}
        if video is None:
            _check(start, end, stride)
            if resize is not None:
                raise SettingsError("--resize shrinks masks to the frames of a run: say with --video of what")
            return cls(settings)
        with open_chosen(video, settings) as opened:
            return cls(
                settings,
                Path(video),
                opened.info,
                opened.timestamps_s,
                opened.source_frames,
                opened.source_size,
                opened.numbers,
            )

    def read(self, read: Callable[[tuple[int, int] | None], Annotations]) -> Annotations:
        """What `read` returns for the size that the source states, or that of the video where it states none.

        Raises:
            InputError: the masks have neither the size of the video nor that of its shrunk frames.
        """
        try:
            annotations = read(None)
        except SizeUnknownError:
            if self.source_size is None:
                raise
            annotations = read(self.source_size)
        self._check_size(annotations)
        return annotations

    def _check_size(self, annotations: Annotations) -> None:
        if self.info is None or annotations.size in (self.source_size, self.info.size):
            return
        height, width = self.source_size or self.info.size
        raise InputError(
            f"{self.video} has frames of {width} x {height} px, but the masks in {annotations.source} are of "
            f"{annotations.size[1]} x {annotations.size[0]} px: give the video they are of"
        )

    def size(self, annotations: Annotations) -> tuple[int, int]:
        """(height, width) of the masks of the store."""
        return annotations.size if self.info is None else self.info.size

    def frames(self, n_frames: int) -> range:
        """The number of each frame of the store; without a video, of `n_frames` that masks are of."""
        if self.numbers is not None:
            return self.numbers
        end = self.settings.get("end") or n_frames
        return range(self.settings.get("start", 0), min(end, n_frames), self.settings.get("stride", 1))


_DEFAULTS: Mapping[str, Any] = {"start": 0, "end": None, "stride": 1, "resize": None}


def _check(start: int, end: int | None, stride: int) -> None:
    if start < 0 or stride < 1:
        raise SettingsError(f"--start is at least 0 and --stride at least 1, not {start} and {stride}")
    if end is not None and end <= start:
        raise SettingsError(f"--end ({end}) must be after --start ({start}): frames from start up to end")
