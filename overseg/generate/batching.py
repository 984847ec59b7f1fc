"""Work in batches: on a GPU large ones that shrink until they fit, on a CPU small ones side by side."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from overseg.errors import DeviceError

T = TypeVar("T")
WHAT_HELPS = "use a smaller model, --dtype bfloat16, or --resize to make the frames smaller"


class Batching:
    """Remembers the size of batch that fits.

    On a CPU each batch is computed in one thread, and as many batches at once as torch has threads: the products of a
    batch are too small to be shared among threads, and what one thread computes is the same however many there are.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self._size, self._on_cpu = size, device.type == "cpu"

    def run(self, n: int, work: Callable[[slice], T]) -> Iterator[T]:
        """`work` on all of n items, slice by slice, in order; in threads it is done in torch's inference mode.

        Out of a GPU's memory, a batch is tried again at half the size.

        Raises:
            DeviceError: one item alone does not fit.
        """
        return self._side_by_side(n, work) if self._on_cpu else self._in_turn(n, work)

    def _side_by_side(self, n: int, work: Callable[[slice], T]) -> Iterator[T]:
        def run(start: int) -> T:
            with torch.inference_mode():
                return work(slice(start, start + self._size))

        threads, waiting = torch.get_num_threads(), deque[Future[T]]()
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for start in range(0, n, self._size):
                waiting.append(pool.submit(run, start))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

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
