"""Work in batches: on a GPU large ones that shrink until they fit, on a CPU one item in each thread."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from overseg.errors import DeviceError
from overseg.side_by_side import side_by_side

T = TypeVar("T")
WHAT_HELPS = "use a smaller model, --dtype bfloat16, or --resize to make the frames smaller"


class Batching:
    """Remembers the size of batch that fits.

    On a CPU as many items are computed at once as torch has threads, each by itself in one of them: the products of a
    few items are too small to be shared among threads, and an item comes out the same, to the last bit, however many
    threads there are and whatever is computed beside it.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        """
        Args:
            size: items at once on a GPU.
            device: where the work is done.
        """
        self._size, self._on_cpu = size, device.type == "cpu"

    def run(self, n: int, work: Callable[[slice], T]) -> Iterator[T]:
        """`work` on all of n items, slice by slice, in order; in threads it is done in torch's inference mode.

        Out of a GPU's memory, a batch is tried again at half the size.

        Raises:
            DeviceError: one item alone does not fit.
        """
        if not self._on_cpu:
            return self._in_turn(n, work)
        singles = (slice(item, item + 1) for item in range(n))
        return side_by_side(work, singles, at_once=torch.get_num_threads())

    def _in_turn(self, n: int, work: Callable[[slice], T]) -> Iterator[T]:
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
