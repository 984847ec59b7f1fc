"""Work on many rows in parts that fit into the device's memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from overseg.errors import DeviceError
from overseg.side_by_side import side_by_side

Part = TypeVar("Part")
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")  # as CUDA and MPS say it, and the CPU


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch's says that memory ran out; it has a class of its own on CUDA alone.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory"))
    True
    """
    return any(words in str(error) for words in _OUT_OF_MEMORY)


@contextmanager
def enough_memory(*, for_: str, advice: str) -> Iterator[None]:
    """Say what memory ran out for, and what to do.

    Args:
        for_: what is done inside.
        advice: ends the error's line.

    Raises:
        DeviceError: memory ran out inside.
    """
    try:
        yield
    except RuntimeError as e:
        if not is_out_of_memory(e):
            raise
        raise DeviceError(f"the device has not enough memory {for_}: {advice}") from e


class Batches:
    """Remembers how many rows fit at once, and learns it by halving when memory runs out.

    Example:
        >>> batches = Batches(advice="use less")
        >>> list(batches.map(lambda rows: (rows.start, rows.stop), 6, at_most=4))
        [(0, 4), (4, 6)]

    Args:
        advice: what to do where not even one row fits; ends the error's line.
    """

    def __init__(self, *, advice: str) -> None:
        self._fitting: int | None = None  # rows that may fit, once some did not
        self._advice = advice

    def map(self, work: Callable[[slice], Part], n_rows: int, *, at_most: int) -> Iterator[Part]:
        """`work` on all rows, part by part in order, `at_most` at once. It may be tried again, and must not mind.

        Raises:
            DeviceError: memory runs out with a single row.
        """
        at, n_fitted = 0, 0
        n_at_once = min(at_most, self._fitting or at_most)
        while at < n_rows:
            rows = slice(at, min(at + n_at_once, n_rows))
            n_tried = rows.stop - rows.start
            part = self._attempt(work, rows)
            if part is not None:
                yield part
                at, n_fitted = rows.stop, max(n_fitted, n_tried)
                continue
            n_at_once = -(-n_tried // 2)
            if n_tried > n_fitted:  # else more rows fitted a moment ago, and may again
                self._fitting = n_at_once

    def _attempt(self, work: Callable[[slice], Part], rows: slice) -> Part | None:
        try:
            return work(rows)
        except RuntimeError as e:
            if not is_out_of_memory(e):
                raise
            if rows.stop - rows.start == 1:
                raise DeviceError(f"the device has not enough memory for a single mask: {self._advice}") from e
        # Outside the handler, which holds on to the failed attempt's tensors through its traceback.
        torch.cuda.empty_cache()  # does nothing without CUDA
        return None


class SideBySide:
    """`Batches` for a CPU: each row by itself in one thread, as many at once as fit.

    A row comes out the same, to the last bit, however many threads there are and whatever is computed beside it.

    Args:
        advice: what to do where not even one row fits; ends the error's line.
    """

    def __init__(self, *, advice: str) -> None:
        self._fitting: int | None = None  # rows that may fit at once, once some did not
        self._advice = advice

    def map(self, work: Callable[[slice], Part], n_rows: int, *, at_most: int) -> Iterator[Part]:
        """`work` on all rows, one by one in order, `at_most` at once. It may be tried again, and must not mind.

        Raises:
            DeviceError: memory runs out with a single row.
        """
        at = 0
        n_at_once = min(at_most, self._fitting or at_most)
        while at < n_rows:
            rows = (slice(row, row + 1) for row in range(at, n_rows))
            try:
                for part in side_by_side(work, rows, at_once=n_at_once):
                    yield part
                    at += 1
            except RuntimeError as e:
                if not is_out_of_memory(e):
                    raise
                if n_at_once == 1:
                    raise DeviceError(f"the device has not enough memory for a single mask: {self._advice}") from e
                n_at_once = self._fitting = -(-n_at_once // 2)
