"""Writes pictures to a video file."""

import errno
import glob
import os
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import UInt8

from overseg.errors import InputError, SettingsError
from overseg.files.holding import hold, remove_abandoned
from overseg.output.playback import Playback
from overseg.output.sound import Sound
from overseg.output.webm import write_display_size

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_X264 = ("libx264", {"crf": "18", "preset": "veryfast"})
_VP9 = ("libvpx-vp9", {"crf": "28", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"})
_KINDS = {
    ".mp4": ("mp4", *_X264, "yuv420p"),
    ".mov": ("mov", *_X264, "yuv420p"),
    ".mkv": ("matroska", *_X264, "yuv420p"),
    ".webm": ("webm", *_VP9, "yuv420p"),
}
# Alternate reference frames cannot have alpha, so they are off. The quality is high enough for compositing.
_VP9_WITH_ALPHA = ("libvpx-vp9", {**_VP9[1], "auto-alt-ref": "0", "crf": "23"})
_PRORES_4444 = ("prores_ks", {"profile": "4", "alpha_bits": "16"})
_ALPHA_KINDS = {
    ".webm": ("webm", *_VP9_WITH_ALPHA, "yuva420p"),
    ".mov": ("mov", *_PRORES_4444, "yuva444p10le"),
}
VIDEO_SUFFIXES = tuple(_KINDS)
_FORMAT_OF = {1: "gray", 3: "rgb24", 4: "rgba"}  # FFmpeg's name, by channels
# faststart: a player can start before it has the whole file. bitexact: the same pictures always give the same bytes.
_CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
_BT709 = 1  # in the numbering of ITU-T H.273
_LIMITED_RANGE = 1


def check_video_name(path: str | Path, *, alpha: bool = False) -> None:
    """Raise SettingsError unless the name's ending is that of a video, or with `alpha`, of a video with alpha."""
    kinds = _kinds(alpha=alpha)
    if Path(path).suffix.lower() not in kinds:
        kind = "a video with alpha" if alpha else "a video"
        raise SettingsError(f"cannot write {kind} to {path}: its name must end in one of {', '.join(kinds)}")


def _kinds(*, alpha: bool) -> dict[str, tuple[str, str, dict[str, str], str]]:
    """Container, codec, its options and pixel format, by ending."""
    return _ALPHA_KINDS if alpha else _KINDS


class VideoWriter:
    """Writes a video that every player shows: 8-bit 4:2:0, H.264 in .mp4, .mov and .mkv, VP9 in .webm, BT.709 colours.

    With alpha it writes VP9 4:2:0 in .webm and ProRes 4444 in .mov; alpha is straight. 4:2:0 needs even sides, so an
    odd last row or column is doubled; nothing is cropped. The file gets its name once it is complete: an error before
    that leaves nothing behind, and an older file of that name stays as it was. The next writer of that name removes
    what a killed process left.

    Example:
        >>> with VideoWriter("out.mp4", fps=25, size=(272, 640)) as writer:  # doctest: +SKIP
        ...     writer.write(np.zeros((272, 640, 3), np.uint8))
    """

    def __init__(
        self,
        path: str | Path,
        fps: Fraction | float | Playback,
        size: tuple[int, int],
        *,
        alpha: bool = False,
    ) -> None:
        """
        Args:
            path: file to write; its ending selects the format.
            fps: frames per second, above 0; or how the video is shown.
            size: (height, width) of the pictures in pixels.
            alpha: whether the pictures have alpha.

        Raises:
            SettingsError: the ending is unknown, holds no alpha, or `fps` or `size` is not above 0.
            InputError: the file cannot be written.
        """
        self._path = Path(path)
        check_video_name(path, alpha=alpha)
        self._playback = fps if isinstance(fps, Playback) else Playback(fps=fps)
        if not 0 < self._playback.fps < float("inf"):
            raise SettingsError(f"--fps takes a number above 0, not {self._playback.fps}")
        if min(size) < 1:
            raise SettingsError(f"a video needs pictures of at least 1 x 1 px, got height and width {size}")
        self._size, self._alpha = size, alpha
        self._n_written = 0
        self._cleanup = ExitStack()
        self._part = self._reserve()
        self._open()

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def write(self, picture: UInt8[np.ndarray, "h w c"]) -> None:
        """Add one picture of the writer's size: grey or RGB, or, with alpha, RGBA.

        Raises:
            InputError: the file cannot be written, for example because the disk is full.
        """
        from av.video.frame import VideoFrame

        allowed = (4,) if self._alpha else (1, 3)
        if picture.shape[:2] != self._size or picture.shape[2] not in allowed or picture.dtype != np.uint8:
            raise ValueError(f"expected uint8 {(*self._size, allowed)}, got {picture.dtype} {picture.shape}")
        odd = ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0))
        even = np.ascontiguousarray(np.pad(picture, odd, mode="edge"))
        frame = VideoFrame.from_ndarray(even, format=_FORMAT_OF[picture.shape[2]]).reformat(
            format=self._stream.codec_context.pix_fmt,
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
            threads=1,  # with more threads, FFmpeg corrupts alpha at the border between the rows of two threads
        )
        frame.pts, frame.time_base = self._playback.shown_at(self._n_written), self._playback.unit_s
        self._encode(frame)
        self._n_written += 1
        if self._sound is not None:
            self._sound.write_until(float(self._playback.shown_at(self._n_written) * self._playback.unit_s))

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            InputError: no picture was written, or the file cannot be finished.
        """
        if self._n_written == 0:
            self._abandon()
            raise InputError(f"no video was written to {self._path}: there is no frame to write")
        self._encode(None)
        try:
            if self._sound is not None:
                self._sound.finish()
            self._container.close()
            if self._path.suffix.lower() == ".webm" and self._playback.pixel_aspect != 1:  # VP9 cannot hold it
                height, width = (side + side % 2 for side in self._size)
                write_display_size(self._part, (height, round(width * self._playback.pixel_aspect)))
            self._part.replace(self._path)
        except (OSError, ValueError) as e:
            self._abandon()
            raise self._failure(e) from e
        self._cleanup.close()

    def _reserve(self) -> Path:
        """Create an empty file with a temporary name beside the one to write."""
        part = self._path.with_name(f".{self._path.stem}.{os.getpid()}.part")
        try:
            if self._path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            remove_abandoned(self._path.parent.glob(f".{glob.escape(self._path.stem)}.*.part"))
            part.touch()
        except OSError as e:
            raise self._failure(e) from e
        with suppress(OSError):  # this file system has no locks: a killed process leaves its file behind
            self._cleanup.callback(os.close, hold(part))
        return part

    def _open(self) -> None:
        import av

        container_format, codec, options, pixel_format = _kinds(alpha=self._alpha)[self._path.suffix.lower()]
        self._container = av.open(str(self._part), "w", format=container_format, container_options=_CONTAINER_OPTIONS)
        self._stream = cast(
            "VideoStream", self._container.add_stream(codec, rate=self._playback.rate, options=dict(options))
        )
        context = self._stream.codec_context
        context.height, context.width = (side + side % 2 for side in self._size)
        context.pix_fmt = pixel_format
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        if self._playback.pixel_aspect != 1:
            context.sample_aspect_ratio = self._playback.pixel_aspect
        if self._playback.times_s is not None:
            context.time_base = self._stream.time_base = self._playback.unit_s
        self._sound: Sound | None = None
        if self._playback.sound is not None:
            self._sound = Sound(self._playback.sound, self._playback.begin_s, self._container)
            self._cleanup.enter_context(self._sound)

    def _encode(self, frame: "VideoFrame | None") -> None:
        import av

        try:
            for packet in self._stream.encode(frame):
                if self._playback.times_s is not None:  # encoders derive durations from the rate
                    ticks = Fraction(packet.time_base) / self._playback.unit_s
                    packet.duration = round(self._playback.duration(round((packet.pts or 0) * ticks)) / ticks)
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as e:
            self._abandon()
            raise self._failure(e) from e

    def _abandon(self) -> None:
        """Remove what was written so far."""
        import av

        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):  # the disk is still full; the file is removed in any case
            pass
        finally:
            self._part.unlink(missing_ok=True)
            self._cleanup.close()

    def _failure(self, error: Exception) -> InputError:
        reason = getattr(error, "strerror", None) or error
        return InputError(
            f"cannot write the video {self._path}: {reason}; check that its folder exists, is writable and has room"
        )
