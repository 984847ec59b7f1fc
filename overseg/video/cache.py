"""A cache of pictures, bounded in bytes."""

from collections import OrderedDict

import numpy as np
from jaxtyping import UInt8


class PictureCache:
    """The most recently used pictures, as many as fit. They are read-only, as several users may share one."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pictures: OrderedDict[int, UInt8[np.ndarray, "h w 3"]] = OrderedDict()
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Bytes in the cache; never more than the limit."""
        return self._n_bytes

    def get(self, index: int) -> UInt8[np.ndarray, "h w 3"] | None:
        """Return the picture of frame `index`, or None if it is not cached."""
        if index in self._pictures:
            self._pictures.move_to_end(index)
        return self._pictures.get(index)

    def put(self, index: int, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add a picture and drop the least recently used ones. A picture above the limit is not cached."""
        if index in self._pictures:
            self._n_bytes -= self._pictures.pop(index).nbytes
        if rgb.nbytes > self._max_bytes:
            return
        while self._n_bytes + rgb.nbytes > self._max_bytes:
            self._n_bytes -= self._pictures.popitem(last=False)[1].nbytes
        self._pictures[index] = rgb
        self._n_bytes += rgb.nbytes
