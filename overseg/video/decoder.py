"""Decodes frames of a video file by number."""

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from overseg.errors import InputError
from overseg.video.packets import DECODING_THREADS, demux, open_container, video_stream
from overseg.video.timeline import Timeline

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    _Numbered = Generator[tuple[int, VideoFrame], None, None]

_DECODE_AHEAD_FRAMES = 8  # decoding fewer than this many further frames is cheaper than a seek


class FrameDecoder:
    """Keeps a file open and its decoder running, so that the next frame costs one frame.

    A frame is identified by its presentation time, never by its position after a seek. If the container's seek lands
    too late, or the decoded frames lack their references, decoding starts at an earlier keyframe, and at last at the
    first frame. In a damaged file each frame is decoded from its own keyframe on, so that the decoder's concealment of
    the damage does not depend on the order of reading.
    """

    def __init__(self, path: Path, timeline: Timeline) -> None:
        self._path = path
        self._timeline = timeline
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._frames.close()
        self._container.close()

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a stored pixel by its height; 1 where the file does not state it."""
        stated = self._stream.sample_aspect_ratio
        return stated if stated else Fraction(1)

    def frame(self, number: int) -> "VideoFrame":
        """Decode frame `number`.

        Raises:
            InputError: the file promises this frame, but it cannot be decoded.
        """
        if self._next <= number and self._is_near(number) and (found := self._run_to(number)):
            return found
        for anchor in self._starts(number):
            self._begin_at(anchor)
            if found := self._run_to(number):
                return found
        raise InputError(
            f"frame {number} of {self._path} (at {self._timeline.timestamp_s[number]:.3f} s) cannot be decoded: the "
            "file is damaged there; encode it again to repair it, or leave this part out with --start and --end"
        )

    def _is_near(self, number: int) -> bool:
        anchor = self._timeline.anchor_before(number)
        if self._timeline.is_damaged:
            return anchor == self._began_at
        return number - self._next < _DECODE_AHEAD_FRAMES or anchor <= self._next

    def _starts(self, number: int) -> list[int | None]:
        """Frames from which to start decoding, the nearest first; None is the beginning of the file."""
        anchors = self._timeline.anchors
        last = int(np.searchsorted(anchors, number, side="right")) - 1
        if self._timeline.is_counted or last == 0:
            return [None]
        return [*(int(anchors[at]) for at in (last, last - 1) if at > 0), None]

    def _open(self) -> None:
        self._container = open_container(self._path)
        self._stream = video_stream(self._container, self._path)
        self._stream.thread_type = DECODING_THREADS
        self._frames = self._decode(from_keyframe=False)
        self._began_at = 0
        self._next = 0

    def _begin_at(self, anchor: int | None) -> None:
        """Move the decoder to a keyframe, or to the beginning of the file."""
        import av

        if anchor is None:
            self.close()
            self._open()
            return
        self._frames.close()
        try:
            self._container.seek(int(self._timeline.pts[anchor]), stream=self._stream)
        except (av.error.FFmpegError, OSError):  # a container without seeking
            self._begin_at(None)
            return
        self._frames = self._decode(from_keyframe=True)
        self._began_at = anchor
        self._next = 0

    def _run_to(self, number: int) -> "VideoFrame | None":
        """Decode up to frame `number`; None if the stream does not contain it."""
        for at, frame in self._frames:
            self._next = at + 1
            if at >= number:
                return frame if at == number else None
        self._next = len(self._timeline)
        return None

    def _decode(self, *, from_keyframe: bool) -> "_Numbered":
        """Yield frames from the current position on, each with its number.

        After a seek, frames shown before the first keyframe are dropped: they refer to frames that were skipped.
        """
        import av

        floor_pts = None
        count = 0
        for packet in demux(self._container, self._stream):
            if from_keyframe and floor_pts is None:
                if not packet.is_keyframe or packet.pts is None:
                    continue
                floor_pts = packet.pts
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                if not self._timeline.is_counted:
                    if floor_pts is None or (frame.pts is not None and frame.pts >= floor_pts):
                        yield from self._numbered(frame)
                elif not (self._timeline.is_damaged and frame.is_corrupt):
                    yield count, frame
                    count += 1

    def _numbered(self, frame: "VideoFrame") -> "_Numbered":
        """Yield the frame with its number, or nothing if the timeline does not contain it."""
        if frame.pts is None:
            return
        at = int(np.searchsorted(self._timeline.pts, frame.pts))
        if at < len(self._timeline) and self._timeline.pts[at] == frame.pts:
            yield at, frame
