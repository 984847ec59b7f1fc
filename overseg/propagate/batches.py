"""Work on many rows in parts that fit into the device's memory."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from overseg.errors import DeviceError

Part = TypeVar("Part")
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")  # as CUDA and MPS say it, and the CPU


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
        at = 0
        while at < n_rows:
            n_at_once = min(at_most, self._fitting or at_most)
            rows = slice(at, min(at + n_at_once, n_rows))
            part = self._attempt(work, rows)
            if part is not None:
                yield part
                at = rows.stop

    def _attempt(self, work: Callable[[slice], Part], rows: slice) -> Part | None:
        try:
            return work(rows)
        except RuntimeError as e:  # of a class of its own on CUDA alone
            if not any(words in str(e) for words in _OUT_OF_MEMORY):
                raise
            n_rows = rows.stop - rows.start
            if n_rows == 1:
                raise DeviceError(f"the device has not enough memory for a single mask: {self._advice}") from e
            self._fitting = n_rows // 2
        # Outside the handler, which holds on to the failed attempt's tensors through its traceback.
        torch.cuda.empty_cache()  # does nothing without CUDA
        return None
