"""Which frames a video file holds, when each is shown, and where decoding can begin."""

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
    """The frames of a video file in the order in which they are shown.

    Attributes:
        pts: presentation time of each in ticks of the stream's time base, ascending. Where `is_counted`, the number
            of the frame instead.
        timestamp_s: presentation time in seconds from the start of the file.
        anchors: frame numbers, ascending from 0, from which decoding can begin.
        is_counted: the file's times do not tell its frames apart, so that a frame is found by counting from the first.
        is_damaged: parts of the file are missing or broken.
        nominal_fps: frames per second as the container has it, or 25 where it does not say.
        n_lost: frames that the container promises and that cannot be decoded.
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
        """The last frame at or before `number` from which decoding can begin."""
        return int(self.anchors[np.searchsorted(self.anchors, number, side="right") - 1])


def read_timeline(path: Path) -> Timeline:
    """Find the frames of a video file.

    The packets' times are the index, without decoding: frames are lost where nothing says so only in files that were
    overwritten within. The first packets are decoded to see that each gives one frame, in order. Where that fails, or
    the file is visibly damaged, all of it is decoded once and only what came out is counted; in a damaged file a
    picture that the decoder had to patch from others is lost, too.

    Raises:
        InputError: the file is no video, or nothing of it can be decoded.
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
        if shown and all(pts < min(shown) for pts in differing):  # they lean on a keyframe that was cut away
            return clock.timed(packets.pts[packets.pts >= min(shown)], packets, n_lost=len(differing))
    return _decode_timeline(path, packets, clock, is_timed=is_timed)


def _head(container: "InputContainer", stream: "VideoStream") -> "Iterator[Packet]":
    """The first packets of those that are shown, and the discarded ones that they lean on."""
    n_shown = 0
    for packet in demux(container, stream):
        if packet.size:
            yield packet
            n_shown += not packet.is_discard
        if n_shown == _HEAD_PACKETS:
            return


def _decode_timeline(path: Path, packets: Packets, clock: "_Clock", *, is_timed: bool) -> Timeline:
    """Decode the whole file and count what comes out."""
    shown: list[int] = []
    with open_container(path) as container:
        stream = video_stream(container, path)
        for pts in _decoded_pts(demux(container, stream), stream, skip_corrupt=packets.is_damaged):
            if not is_timed:
                shown.append(len(shown))
            elif pts is not None and (not shown or pts > shown[-1]):
                shown.append(pts)
    if not shown:
        raise InputError(f"no frame of {path} can be decoded: it is empty, damaged or of an unknown kind; repair it")
    # In a sound file, a packet without a frame of its own was never to be shown: half a picture, or a mere reference.
    n_lost = max(0, packets.n_promised - len(shown)) if packets.is_damaged else 0
    if is_timed:
        return clock.timed(np.array(shown), packets, n_lost=n_lost)
    return clock.counted(len(shown), packets, n_lost=n_lost)


def _decoded_pts(
    packets: "Iterable[Packet | None]", stream: "VideoStream", *, skip_corrupt: bool = False
) -> Iterator[int | None]:
    """Times of the frames that come out of `packets` (None: no more follow), stepping over what cannot be decoded."""
    import av

    stream.thread_type = DECODING_THREADS
    for packet in packets:
        try:
            yield from (frame.pts for frame in stream.decode(packet) if not (skip_corrupt and frame.is_corrupt))
        except av.error.FFmpegError:
            continue


@dataclass(frozen=True)
class _Clock:
    """A stream's time base and start, kept beyond the life of its container."""

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
        """Frames at these times; anchors are the keyframe packets among them."""
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
        """Frames at constant distance, found only by decoding from the first."""
        number = np.arange(n_frames)
        timeline = self.timed(number, packets, n_lost=n_lost)
        return replace(timeline, timestamp_s=number / float(self.fps), anchors=np.zeros(1, np.int64), is_counted=True)
