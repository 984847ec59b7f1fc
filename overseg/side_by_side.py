"""Work on a CPU that comes out the same, to the last bit, however many threads there are."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

Item = TypeVar("Item")
T = TypeVar("T")
Given = ParamSpec("Given")


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


def side_by_side(work: Callable[[Item], T], items: Iterable[Item], *, at_once: int) -> Iterator[T]:
    """`work` on each item by itself, in one thread and in torch's inference mode; what it gives, in order.

    It runs ahead of whoever takes the results, by no more than `at_once` items. What is not begun once nobody takes
    them any more is never done.

    Args:
        work: must not mind other threads.
        items: taken one by one in the calling thread, as threads get free.
        at_once: threads.
    """

    @in_one_thread
    def run(item: Item) -> T:
        with torch.inference_mode():
            return work(item)

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
