"""Pictures kept in memory, bounded in bytes."""

from collections import OrderedDict

import numpy as np
from jaxtyping import UInt8


class PictureCache:
    """The pictures used last, as many as fit. Whatever is kept is read-only, so that no user changes another's."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pictures: OrderedDict[int, UInt8[np.ndarray, "h w 3"]] = OrderedDict()
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Bytes held now; never more than was allowed."""
        return self._n_bytes

    def get(self, index: int) -> UInt8[np.ndarray, "h w 3"] | None:
        """The picture of frame `index`, or None where it is not kept."""
        if index in self._pictures:
            self._pictures.move_to_end(index)
        return self._pictures.get(index)

    def put(self, index: int, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
        """Keep a picture, and let go of those unused the longest. One that is too large alone is not kept."""
        if index in self._pictures:
            self._n_bytes -= self._pictures.pop(index).nbytes
        if rgb.nbytes > self._max_bytes:
            return
        while self._n_bytes + rgb.nbytes > self._max_bytes:
            self._n_bytes -= self._pictures.popitem(last=False)[1].nbytes
        self._pictures[index] = rgb
        self._n_bytes += rgb.nbytes
