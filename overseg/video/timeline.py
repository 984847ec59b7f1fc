"""The frames of a video file, their presentation times, and where decoding can start."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from overseg.errors import InputError
from overseg.video.packets import DECODING_THREADS, Packets, demux, open_container, read_packets, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_HEAD_PACKETS = 64
_NOMINAL_FPS = Fraction(25)
_MICROSECOND = Fraction(1, 1_000_000)  # the unit of a container's start time


@dataclass(frozen=True)
class Timeline:
    """The frames of a video file in presentation order.

    Attributes:
        pts: presentation times in ticks of the stream's time base, ascending; frame numbers if `is_counted`.
        timestamp_s: presentation time in seconds from the start of the file.
        anchors: numbers of the frames from which decoding can start, ascending from 0.
        is_counted: the times in the file do not identify its frames; a frame is found by counting from the first.
        is_damaged: parts of the file are missing or broken.
        nominal_fps: frames per second by the container, or 25 if it does not contain the rate.
        n_lost: number of frames that the container should hold and that cannot be decoded.
    """

    pts: Int64[np.ndarray, " n"]
    timestamp_s: Float64[np.ndarray, " n"]
    anchors: Int64[np.ndarray, " k"]
    is_counted: bool
    is_damaged: bool
    nominal_fps: float
    n_lost: int

    def __len__(self) -> int:
        return len(self.pts)

    def anchor_before(self, number: int) -> int:
        """The last frame at or before `number` from which decoding can start."""
        return int(self.anchors[np.searchsorted(self.anchors, number, side="right") - 1])


def read_timeline(path: Path) -> Timeline:
    """Find the frames of a video file.

    The packets' times are the index; the file is not decoded for it. The first packets are decoded to check that each
    gives one frame, in order. If that fails, or the file is visibly damaged, the whole file is decoded once and only
    the decoded frames count. In a damaged file, pictures that the decoder patched from others count as lost. Losses
    stay unnoticed only in files that were overwritten in the middle.

    Raises:
        InputError: the file is not a video, or none of it can be decoded.
    """
    with open_container(path) as container:
        packets = read_packets(container, video_stream(container, path))
    with open_container(path) as container:
        stream = video_stream(container, path)
        clock = _Clock.of(container, stream)
        decoded = list(_decoded_pts([*_head(container, stream), None], stream))
    shown = [pts for pts in decoded if pts is not None]
    ascends = len(shown) == len(decoded) and all(before < after for before, after in pairwise(shown))
    is_timed = bool(packets.has_pts.all()) and packets.in_order and ascends
    if is_timed and not packets.is_damaged:
        differing = set(packets.pts[:_HEAD_PACKETS].tolist()) ^ set(shown)
        if shown and all(pts < min(shown) for pts in differing):  # they refer to a keyframe that was cut away
            return clock.timed(packets.pts[packets.pts >= min(shown)], packets, n_lost=len(differing))
    return _decode_timeline(path, packets, clock, is_timed=is_timed)


def _head(container: "InputContainer", stream: "VideoStream") -> "Iterator[Packet]":
    """The first packets that are shown, and the discarded ones that they refer to."""
    n_shown = 0
    for packet in demux(container, stream):
        if packet.size:
            yield packet
            n_shown += not packet.is_discard
        if n_shown == _HEAD_PACKETS:
            return


def _decode_timeline(path: Path, packets: Packets, clock: "_Clock", *, is_timed: bool) -> Timeline:
    """Decode the whole file and count the decoded frames."""
    shown: list[int] = []
    with open_container(path) as container:
        stream = video_stream(container, path)
        for pts in _decoded_pts(demux(container, stream), stream, skip_corrupt=packets.is_damaged):
            if not is_timed:
                shown.append(len(shown))
            elif pts is not None and (not shown or pts > shown[-1]):
                shown.append(pts)
    if not shown:
        raise InputError(f"no frame of {path} can be decoded: it is empty, damaged or of an unknown format; repair it")
    # In an undamaged file, a packet without its own frame is not for display: half a picture, or only a reference.
    n_lost = max(0, packets.n_promised - len(shown)) if packets.is_damaged else 0
    if is_timed:
        return clock.timed(np.array(shown), packets, n_lost=n_lost)
    return clock.counted(len(shown), packets, n_lost=n_lost)


def _decoded_pts(
    packets: "Iterable[Packet | None]", stream: "VideoStream", *, skip_corrupt: bool = False
) -> Iterator[int | None]:
    """Yield the times of the frames in `packets` (None: end of stream), and skip those that cannot be decoded."""
    import av

    stream.thread_type = DECODING_THREADS
    for packet in packets:
        try:
            yield from (frame.pts for frame in stream.decode(packet) if not (skip_corrupt and frame.is_corrupt))
        except av.error.FFmpegError:
            continue


@dataclass(frozen=True)
class _Clock:
    """A stream's time base and start, usable after its container is closed."""

    time_base: Fraction
    start_s: Fraction | None
    fps: Fraction

    @classmethod
    def of(cls, container: "InputContainer", stream: "VideoStream") -> "_Clock":
        start = container.start_time
        return cls(
            time_base=Fraction(stream.time_base or 1),
            start_s=None if start is None else start * _MICROSECOND,
            fps=Fraction(stream.average_rate or stream.guessed_rate or _NOMINAL_FPS),
        )

    def timed(self, pts: Int64[np.ndarray, " n"], packets: Packets, *, n_lost: int) -> Timeline:
        """The timeline of frames at these times; keyframe packets are its anchors."""
        pts = np.unique(pts)
        keyframe_pts = packets.pts[packets.is_keyframe & packets.has_pts]
        start_s = float(pts[0] * self.time_base if self.start_s is None else self.start_s)
        anchors = np.flatnonzero(np.isin(pts, keyframe_pts))
        return Timeline(
            pts=pts,
            timestamp_s=pts * float(self.time_base) - start_s,
            anchors=np.union1d(anchors, [0]),
            is_counted=False,
            is_damaged=packets.is_damaged,
            nominal_fps=float(self.fps),
            n_lost=n_lost,
        )

    def counted(self, n_frames: int, packets: Packets, *, n_lost: int) -> Timeline:
        """The timeline of frames at a constant rate, which are found only by decoding from the first."""
        number = np.arange(n_frames)
        timeline = self.timed(number, packets, n_lost=n_lost)
        return replace(timeline, timestamp_s=number / float(self.fps), anchors=np.zeros(1, np.int64), is_counted=True)
