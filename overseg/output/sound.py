"""The sound of a video file, written beside pictures that were made of its frames."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

from overseg.errors import InputError, SettingsError
from overseg.video.packets import open_container

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

_CODECS = {"webm": "libopus"}  # that sound is encoded with where a container does not hold it as it is
_OTHER_CODEC = "aac"
_MICROSECOND = Fraction(1, 1_000_000)


class Sound:
    """Reads the sound of a file from a moment on, and writes it into another file up to the time of its pictures.

    The packets are copied where the container holds their codec; otherwise they are encoded again.
    """

    def __init__(self, source: Path, start_s: float, container: "OutputContainer") -> None:
        """
        Args:
            source: a video file; `check_sound` accepts it.
            start_s: what is the beginning of the new file, in seconds from the start of the source.
            container: open for writing, before its first packet.
        """
        self._cleanup = ExitStack()
        opened = self._cleanup.enter_context(open_container(source))
        stream = opened.streams.audio[0]
        self._container, self._time_base = container, Fraction(stream.time_base or 1)
        self._begin_s = Fraction(start_s) + (opened.start_time or 0) * _MICROSECOND
        opened.seek(int(self._begin_s / _MICROSECOND), backward=True)
        self._packets = opened.demux(stream)
        self._waiting: Packet | None = None
        if stream.codec_context.name in container.supported_codecs:
            self._copied: AudioStream | None = container.add_stream_from_template(stream)
            self._encoded = self._copied
        else:
            codec = _CODECS.get(container.format.name, _OTHER_CODEC)
            self._copied = None
            self._encoded = cast("AudioStream", container.add_stream(codec, rate=48_000))
            self._encoded.codec_context.layout = stream.codec_context.layout.name

    def __enter__(self) -> "Sound":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def write_until(self, time_s: float) -> None:
        """Write the sound up to this moment, in seconds from the beginning of the new file."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = packet
            if packet.pts is not None and self._moment(packet.pts) >= time_s:
                return
            self._waiting = None
            if packet.size:
                self._write(packet)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._copied is None:
            self._container.mux(self._encoded.encode(None))

    def _moment(self, pts: int) -> Fraction:
        """Seconds from the beginning of the new file."""
        return pts * self._time_base - self._begin_s

    def _write(self, packet: "Packet") -> None:
        if packet.pts is None or self._moment(packet.pts) < 0:
            return
        if self._copied is None:
            for frame in cast("list[AudioFrame]", packet.decode()):
                frame.pts = round(self._moment(frame.pts or packet.pts) / Fraction(frame.time_base or self._time_base))
                self._container.mux(self._encoded.encode(frame))
            return
        shift = round(self._begin_s / self._time_base)
        packet.pts -= shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = self._copied
        self._container.mux(packet)


def check_sound(source: Path) -> None:
    """Refuse a source without sound, before any work.

    Raises:
        SettingsError: it is no video file, or has no sound.
        InputError: it cannot be read.
    """
    if not source.is_file():
        raise SettingsError(f"--audio is for the sound of a video file, and {source} is none: leave it out")
    try:
        with open_container(source) as opened:
            has_sound = bool(opened.streams.audio)
    except InputError as e:
        raise SettingsError(f"--audio is for the sound of a video file, and {source} is none: leave it out") from e
    if not has_sound:
        raise SettingsError(f"{source} has no sound: leave out --audio")
