"""Runs work on a CPU so that its results are the same, to the last bit, on any number of threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from overseg import freed_memory

Item = TypeVar("Item")
T = TypeVar("T")
Params = ParamSpec("Params")


def in_one_thread(work: Callable[Params, T]) -> Callable[Params, T]:
    """`work`, with torch's operations on a CPU in one thread. With several, sums are added in another order."""

    @wraps(work)
    def alone(*args: Params.args, **options: Params.kwargs) -> T:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return work(*args, **options)
        finally:
            torch.set_num_threads(threads)

    return alone


def side_by_side(work: Callable[[Item], T], items: Iterable[Item], *, at_once: int) -> Iterator[T]:
    """The results of `work` on each item, in order. Each item is computed in one thread, in torch's inference mode.

    At most `at_once` items are computed ahead of the results that were taken. When the iterator is closed, items that
    are not started are dropped.

    Args:
        work: is called from several threads at once.
        items: taken one by one in the calling thread, as threads get free.
        at_once: number of threads.
    """

    @in_one_thread
    def run(item: Item) -> T:
        with torch.inference_mode():
            return work(item)

    freed_memory.share_among_threads()
    waiting = deque[Future[T]]()
    pool = ThreadPoolExecutor(at_once)
    try:
        for item in items:
            waiting.append(pool.submit(run, item))
            if len(waiting) > at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def ahead(work: Callable[[Item], T], items: Iterable[Item], *, n_ahead: int) -> Generator[T, None, None]:
    """The results of `work` on each item, in order. One other thread takes items and computes ahead of their use.

    When the iterator is closed, the thread ends before this returns.

    Args:
        work: is called from the other thread, and so is the iterator of `items`.
        items: taken one by one.
        n_ahead: results that may wait for their use.
    """
    source = iter(items)
    end = object()

    def take() -> object:
        item = next(source, end)
        return end if item is end else work(item)  # type: ignore[arg-type]

    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(take) for _ in range(n_ahead))
        while (result := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(take))
            yield result  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
