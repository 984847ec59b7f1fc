"""Work in batches that shrink until they fit into the device's memory."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from overseg.errors import DeviceError

T = TypeVar("T")
WHAT_HELPS = "use a smaller model, --dtype bfloat16, or --resize to make the frames smaller"


class Batching:
    """Remembers the size of batch that fits."""

    def __init__(self, size: int) -> None:
        self._size = size

    def run(self, n: int, work: Callable[[slice], T]) -> Iterator[T]:
        """`work` on all of n items, slice by slice. Out of memory, a batch is tried again at half the size.

        Raises:
            DeviceError: one item alone does not fit.
        """
        start = 0
        while start < n:
            try:
                done = work(slice(start, start + self._size))
            except torch.OutOfMemoryError as e:
                if self._size == 1:
                    raise DeviceError(f"the device has not enough memory for a single prompt; {WHAT_HELPS}") from e
                self._size //= 2
                continue
            yield done
            start += self._size
