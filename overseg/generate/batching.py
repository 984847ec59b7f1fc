"""Work in batches: on a GPU large ones that shrink until they fit, on a CPU one item in each thread."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from overseg.errors import DeviceError

T = TypeVar("T")
Given = ParamSpec("Given")
WHAT_HELPS = "use a smaller model, --dtype bfloat16, or --resize to make the frames smaller"


def in_one_thread(work: Callable[Given, T]) -> Callable[Given, T]:
    """`work`, with torch's products on a CPU in one thread: shared among several they add up in another order."""

    @wraps(work)
    def alone(*args: Given.args, **options: Given.kwargs) -> T:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return work(*args, **options)
        finally:
            torch.set_num_threads(threads)

    return alone


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
        return self._side_by_side(n, work) if self._on_cpu else self._in_turn(n, work)

    def _side_by_side(self, n: int, work: Callable[[slice], T]) -> Iterator[T]:
        @in_one_thread
        def run(item: int) -> T:
            with torch.inference_mode():
                return work(slice(item, item + 1))

        threads, waiting = torch.get_num_threads(), deque[Future[T]]()
        with ThreadPoolExecutor(threads) as pool:
            for item in range(n):
                waiting.append(pool.submit(run, item))
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
