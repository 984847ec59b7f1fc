"""The frames on which prompts may be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overseg.data.source_frames import SourceFrames
from overseg.errors import SettingsError


@dataclass(frozen=True)
class PromptedFrames:
    """The frames of a video that objects are followed through.

    Attributes:
        source: all frames of the input.
        numbers: the number in the input of each frame.
        input_size: (height, width) in pixels of the input's pictures; prompts are in these pixels.
        size: (height, width) in pixels of the frames.
        video: what the input is called, without suffix.
        asked: number of the frame that prompts without one are on; None where the user did not say.
    """

    source: SourceFrames
    numbers: range
    input_size: tuple[int, int]
    size: tuple[int, int]
    video: str
    asked: int | None = None

    @classmethod
    def of(cls, video: Any, asked: int | None = None) -> "PromptedFrames":
        """Those of a `BufferedVideo`; SettingsError where it does not have the frame that is asked for."""
        if asked is not None and not 0 <= asked < len(video):
            raise SettingsError(f"--frame is one of the frames 0 to {len(video) - 1}, not {asked}")
        info = video.info
        return cls(video.source_frames, video.numbers, video.source_size, info.size, Path(info.name).stem, asked)

    @property
    def default(self) -> int:
        """The frame of prompts that do not say one."""
        return self.asked or 0

    def named(self, *names: str) -> int | None:
        """The frame whose image has one of these names, where nobody asked for a frame; else None.

        Args:
            names: of pictures, as a file has them, the most reliable first.
        """
        if self.asked is not None:
            return None
        stems = {stem: number for number, stem in enumerate(self.source.stems)}
        found = (stems.get(Path(name.replace("\\", "/")).stem) for name in names if name)
        number = next((one for one in found if one is not None), None)
        return self.numbers.index(number) if number is not None and number in self.numbers else None
