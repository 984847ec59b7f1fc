"""Writing of RGB pictures to a video file."""

import errno
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import UInt8

from overseg.errors import InputError, SettingsError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_X264 = ("libx264", {"crf": "18", "preset": "veryfast"})
_VP9 = ("libvpx-vp9", {"crf": "28", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"})
_KINDS = {".mp4": ("mp4", *_X264), ".mov": ("mov", *_X264), ".mkv": ("matroska", *_X264), ".webm": ("webm", *_VP9)}
# A player can begin before it has the end of the file; and the same pictures give the same bytes, on any day.
_CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
_BT709 = 1  # in the numbering of ITU-T H.273
_LIMITED_RANGE = 1
_MAX_FPS_DENOMINATOR = 1001  # as in 30000/1001


class VideoWriter:
    """Writes a video that every player shows: 8-bit 4:2:0, H.264 in .mp4, .mov and .mkv, VP9 in .webm, BT.709 colours.

    4:2:0 needs even sides, so an odd last row or column is doubled; nothing is cropped. The file takes its name only
    when all of it is written: an error before that leaves nothing behind, and an older file of that name as it was.

    Example:
        >>> with VideoWriter("out.mp4", fps=25, size=(272, 640)) as writer:  # doctest: +SKIP
        ...     writer.write(np.zeros((272, 640, 3), np.uint8))
    """

    def __init__(self, path: str | Path, fps: Fraction | float, size: tuple[int, int]) -> None:
        """
        Args:
            path: file to write; its ending picks the format.
            fps: frames per second, above 0.
            size: (height, width) of the pictures in pixels.

        Raises:
            SettingsError: the ending is unknown, or `fps` or `size` is not above 0.
            InputError: no file can be written there.
        """
        self._path = Path(path)
        if self._path.suffix.lower() not in _KINDS:
            raise SettingsError(f"cannot write a video to {path}: its name must end in one of {', '.join(_KINDS)}")
        if not 0 < fps < float("inf"):
            raise SettingsError(f"--fps takes a number above 0, not {fps}")
        if min(size) < 1:
            raise SettingsError(f"a video needs pictures of at least 1 x 1 px, got height and width {size}")
        self._fps = Fraction(fps).limit_denominator(_MAX_FPS_DENOMINATOR)
        self._size = size
        self._n_written = 0
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

    def write(self, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add one picture of the writer's size.

        Raises:
            InputError: the file cannot be written any further, as when the disk is full.
        """
        from av.video.frame import VideoFrame

        if rgb.shape != (*self._size, 3) or rgb.dtype != np.uint8:
            raise ValueError(f"expected uint8 {(*self._size, 3)}, got {rgb.dtype} {rgb.shape}")
        odd = ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0))
        even = np.ascontiguousarray(np.pad(rgb, odd, mode="edge"))
        frame = VideoFrame.from_ndarray(even, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        frame.pts, frame.time_base = self._n_written, 1 / self._fps
        self._encode(frame)
        self._n_written += 1

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            InputError: no picture was written, or the file cannot be finished.
        """
        if self._n_written == 0:
            self._abandon()
            raise InputError(f"no video was written to {self._path}, as there is no frame to write")
        self._encode(None)
        try:
            self._container.close()
            self._part.replace(self._path)
        except OSError as e:
            self._abandon()
            raise self._failure(e) from e

    def _reserve(self) -> Path:
        """An empty file beside the one to write, with a name of its own."""
        part = self._path.with_name(f".{self._path.stem}.{os.getpid()}.part")
        try:
            if self._path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            part.touch()
        except OSError as e:
            raise self._failure(e) from e
        return part

    def _open(self) -> None:
        import av

        container_format, codec, options = _KINDS[self._path.suffix.lower()]
        self._container = av.open(str(self._part), "w", format=container_format, container_options=_CONTAINER_OPTIONS)
        self._stream = cast("VideoStream", self._container.add_stream(codec, rate=self._fps, options=dict(options)))
        context = self._stream.codec_context
        context.height, context.width = (side + side % 2 for side in self._size)
        context.pix_fmt = "yuv420p"
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

    def _encode(self, frame: "VideoFrame | None") -> None:
        import av

        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as e:
            self._abandon()
            raise self._failure(e) from e

    def _abandon(self) -> None:
        """Remove what was written so far."""
        import av

        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):  # a full disk again; the file goes away in any case
            pass
        finally:
            self._part.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> InputError:
        reason = getattr(error, "strerror", None) or error
        return InputError(
            f"cannot write the video {self._path}: {reason}; check that its folder exists, is writable and has room"
        )
