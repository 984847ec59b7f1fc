"""The `Video` that a run reads: selected frames of an input, shrunk, cached in bounded memory."""

import operator
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType

import numpy as np
from jaxtyping import Float64, UInt8

from overseg.data.frame import Frame
from overseg.data.source_frames import SourceFrames
from overseg.data.video_info import VideoInfo
from overseg.video.cache import PictureCache
from overseg.video.source import PictureSource

_MOST_PICTURES = 64  # more are rarely used again


class BufferedVideo:
    """Frames by number, in any order and from several threads. Pictures are read-only.

    A step backward decodes the group of pictures once and caches as many of its frames up to the requested one as fit.
    Memory stays bounded, and a backward run costs about as much as a forward one. A group that is many times larger
    than the cache (long parts of 4K video without a keyframe) is decoded again for each cache-sized part.
    """

    def __init__(self, source: PictureSource, numbers: range, *, resize: int | None, cache_bytes: int) -> None:
        """
        Args:
            source: all pictures of the input.
            numbers: numbers of the pictures that are the frames of this video; at least one.
            resize: longer side in pixels to which pictures are shrunk; None keeps their size.
            cache_bytes: most memory for cached pictures, in bytes. At most 64 pictures are cached, so that a long
                video takes no more memory than a short one.
        """
        self._source = source
        self._numbers = numbers
        self._cache_bytes = cache_bytes
        self._size = _shrunk(source.size, resize)
        picture_bytes = 3 * self._size[0] * self._size[1]
        self._n_cached_at_most = min(cache_bytes // picture_bytes, _MOST_PICTURES)
        self._cache = PictureCache(self._n_cached_at_most * picture_bytes)
        self._last_decoded = -1
        self._lock = Lock()

    @cached_property
    def info(self) -> VideoInfo:
        return VideoInfo(
            name=self._source.name,
            sha256=self._source.sha256(),
            n_frames=len(self),
            height=self._size[0],
            width=self._size[1],
            fps=self._source.fps(self._numbers),
            n_lost=self._source.n_lost,
            pixel_aspect=float(self._source.pixel_aspect),
        )

    @cached_property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return self._source.timestamps_s[self._numbers.start : self._numbers.stop : self._numbers.step]

    @property
    def source_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the pictures before they are shrunk."""
        return self._source.size

    @property
    def numbers(self) -> range:
        """The number in the input of each frame."""
        return self._numbers

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was assumed or changed on the way in, a line each."""
        return self._source.remarks

    @cached_property
    def source_frames(self) -> SourceFrames:
        """All frames of the input, before start, end and stride."""
        source = self._source
        return SourceFrames(len(source.timestamps_s), source.stems, source.size, Path(source.name).stem)

    @property
    def cached_bytes(self) -> int:
        """Bytes of the pictures in the cache."""
        return self._cache.n_bytes

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Frame:
        """Return frame `index`, counted from 0.

        Raises:
            IndexError: there is no such frame; negative numbers are not accepted.
            InputError: the input is damaged at this frame.
        """
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of a video of {len(self)} frames")
        with self._lock:
            rgb = self._cache.get(index)
            if rgb is None:
                rgb = self._decode(index)
        return Frame(
            index=index,
            timestamp_s=float(self.timestamps_s[index]),
            rgb=rgb,
            source=self.source_frames,
            source_index=self._numbers[index],
        )

    def shrunk(self, longer_side_px: int | None) -> "BufferedVideo":
        """Return the same frames of the same open input, shrunk from its pictures; it is closed with this video."""
        return BufferedVideo(self._source, self._numbers, resize=longer_side_px, cache_bytes=self._cache_bytes)

    def close(self) -> None:
        """Close the input."""
        self._source.close()

    def __enter__(self) -> "BufferedVideo":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """Decode a frame; in a backward run also the frames before it, which are needed next."""
        first = self._first_to_keep(index) if index < self._last_decoded else index
        self._last_decoded = index
        for at, rgb in enumerate(self._source.pictures(self._numbers[first : index + 1]), start=first):
            picture = self._finished(rgb)
            self._cache.put(at, picture)
        return picture

    def _first_to_keep(self, index: int) -> int:
        """The earliest frame that is decoded on the way to `index` and fits into the cache together with it."""
        group_start = self._source.decoding_start(self._numbers[index])
        first_of_group = -((self._numbers.start - group_start) // self._numbers.step)
        return min(index, max(0, first_of_group, index - self._n_cached_at_most + 1))

    def _finished(self, rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """Return a read-only picture of the video's size, in its own memory."""
        if rgb.shape[:2] != self._size:
            import cv2

            rgb = cv2.resize(rgb, self._size[::-1], interpolation=cv2.INTER_AREA)
        rgb = np.ascontiguousarray(rgb)
        rgb.flags.writeable = False
        return rgb


def _shrunk(size: tuple[int, int], longer_side: int | None) -> tuple[int, int]:
    """(height, width) in the same proportion with at most this longer side."""
    longest = max(size)
    if longer_side is None or longer_side >= longest:
        return size
    return max(1, round(size[0] * longer_side / longest)), max(1, round(size[1] * longer_side / longest))
