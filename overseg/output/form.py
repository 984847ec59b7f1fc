"""The form in which frames are written: file format, frame rate, quality, one file or one for each track."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from overseg.errors import SettingsError
from overseg.output.picture_file import check_quality
from overseg.output.render_options import RenderOptions
from overseg.output.sink import check_format, is_video, is_video_name
from overseg.output.sound import check_sound
from overseg.output.video_writer import VIDEO_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class Form:
    """The form in which frames are written.

    Attributes:
        format: file name ending without its dot, of pictures or of videos; None for the destination's own, or png.
        fps: frames per second of a video; None for the input's own times (30 frames per second divided by `every` where
            it has none).
        every: every how many frames one is written, from the first on.
        quality: encoder quality of jpg and webp, from 1 to 100.
        sound: the video file whose sound is written too; None for no sound.
        per_track: whether each track gets a file or folder of its own, `track_<id>`.
        crop: whether each of these shows the box alone that the track stays in.
    """

    format: str | None = None
    fps: Fraction | float | None = None
    every: int = 1
    quality: int = 80
    sound: Path | None = None
    per_track: bool = False
    crop: bool = False

    def __post_init__(self) -> None:
        """Refuse impossible values; the SettingsError names the option, what it takes and what came."""
        check_quality(self.quality)
        if self.crop and not self.per_track:
            raise SettingsError("--crop is of pictures of one track each: add --per-track, or leave it out")
        if self.every < 1:
            raise SettingsError(f"--every takes a whole number of at least 1, not {self.every}")
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise SettingsError(f"--fps takes a number above 0, not {self.fps:g}")

    def format_of(self, destination: Path, render_options: RenderOptions) -> str:
        """Return the format for a destination.

        Raises:
            SettingsError: the format does not fit the destination, or does not hold alpha.
        """
        named = destination.suffix.lower()[1:] if is_video_name(destination) else None
        if destination.suffix and not named:
            raise SettingsError(
                f"cannot write a video to {destination}: its name must end in one of {', '.join(VIDEO_SUFFIXES)}; "
                "the name of a folder of pictures has no ending"
            )
        if self.per_track and named:
            raise SettingsError(f"--per-track fills a folder: give a name without an ending, and add --format {named}")
        if named and self.format not in (None, named):
            raise SettingsError(f"{destination} contradicts --format {self.format}: leave it out, or name a folder")
        format = self.format or named or "png"
        check_format(format, channels=render_options.channels)
        if is_video(format) and not (named or self.per_track):
            raise SettingsError(f"--format {format} writes one file: name it {destination}.{format}")
        if self.sound is not None:
            self._check_sound(destination, is_video=is_video(format))
        if self.fps is not None and not is_video(format):
            raise SettingsError(f"--fps has no effect on {destination}, a folder of pictures: leave it out")
        return format

    def _check_sound(self, destination: Path, *, is_video: bool) -> None:
        if not is_video:
            raise SettingsError(f"--audio has no effect on {destination}, a folder of pictures: leave it out")
        if self.fps is not None:
            raise SettingsError("--audio needs the input's own times, which --fps changes: leave one of the two out")
        check_sound(self.sound or destination)
