"""The pictures of a store that the page shows; grey where its video is missing."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from overseg.errors import InputError, OversegError
from overseg.output.input_video import open_input
from overseg.store.result import Result
from overseg.video.buffered import BufferedVideo

_MOST_BYTES = 64 << 20  # of JPEGs
_GREY, _QUALITY = 150, 88


class Pictures:
    """Frames by number. One request at a time uses the video, which is opened while the page loads."""

    def __init__(self, result: Result, video: str | Path | None = None) -> None:
        """
        Args:
            result: of whose video the pictures are.
            video: where it is now; None for where it was.

        Raises:
            OversegError: the given video is missing or another one.
        """
        self._size = result.size
        self._jpegs: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._opening: Future[BufferedVideo]
        if video is not None:
            self._opening = Future()
            self._opening.set_result(open_input(result, video))
            return
        opener = ThreadPoolExecutor(1)
        self._opening = opener.submit(open_input, result)
        opener.shutdown(wait=False)

    @property
    def why_grey(self) -> str:
        """Why pictures are grey; empty if they are not. Waits until the video is open."""
        error = self._opening.exception()
        if error is not None and not isinstance(error, OversegError):
            raise error
        return "" if error is None else str(error)

    def close(self) -> None:
        """Close the video."""
        if self._opening.exception() is None:
            self._opening.result().close()

    @contextmanager
    def using_video(self) -> Iterator[BufferedVideo]:
        """Yield the video, for one user at a time; InputError if it is missing."""
        if self.why_grey:
            raise InputError(f"clicks and propagation need the video: {self.why_grey}")
        with self._lock:
            yield self._opening.result()

    def jpeg(self, frame: int, width: int) -> bytes:
        """A frame as JPEG, shrunk to a width in pixels. The latest ones are kept."""
        with self._lock:
            if (frame, width) not in self._jpegs:
                self._jpegs[frame, width] = as_jpeg(_shrunk(self._rgb(frame), width))
                while sum(map(len, self._jpegs.values())) > _MOST_BYTES:
                    self._jpegs.popitem(last=False)
            self._jpegs.move_to_end((frame, width))
            return self._jpegs[frame, width]

    def rgb(self, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        """The pixels of a frame."""
        with self._lock:
            return self._rgb(frame)

    def _rgb(self, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        if self.why_grey:
            return np.full((*self._size, 3), _GREY, np.uint8)
        return self._opening.result()[frame].rgb


def _shrunk(rgb: UInt8[np.ndarray, "h w 3"], width: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    if width >= rgb.shape[1]:
        return rgb
    import cv2

    # Areas are averaged where pixels would be left out otherwise; else that takes longer than the JPEG.
    way = cv2.INTER_AREA if 2 * width <= rgb.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(rgb, (width, max(1, round(rgb.shape[0] * width / rgb.shape[1]))), interpolation=way)


def as_jpeg(rgb: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """Return a picture as JPEG."""
    import cv2

    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
