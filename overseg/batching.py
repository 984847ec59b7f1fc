"""Work on many rows in batches that fit into the device's memory. Generators and propagators share it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from overseg.errors import DeviceError, is_out_of_memory
from overseg.side_by_side import side_by_side

Result = TypeVar("Result")
_GIB = 1 << 30


def accelerator(device: str) -> dict[str, Any] | None:
    """The kind of a device and the size of its memory; None for a CPU.

    The batch sizes depend on them, and the last bits of masks on the batch sizes. What other programs use of the memory
    does not count, so that a resumed run has the batch sizes of the run before.
    """
    kind = torch.device(device).type
    if kind == "cpu":
        return None
    name = torch.cuda.get_device_name(device) if kind == "cuda" else kind
    return {"device": name, "memory_gib": memory_gib(torch.device(device))}


def memory_gib(device: torch.device) -> int:
    """The whole memory of an accelerator, or what PyTorch may use of it on MPS, in GiB, rounded down."""
    if device.type == "mps":
        return torch.mps.recommended_max_memory() // _GIB
    return torch.cuda.get_device_properties(device).total_memory // _GIB


@contextmanager
def enough_memory(*, for_: str, advice: str) -> Iterator[None]:
    """Turn an out-of-memory error inside into a DeviceError of one line.

    Args:
        for_: what needs the memory, such as "to encode one frame".
        advice: what the user can do; it ends the line.

    Raises:
        DeviceError: memory ran out inside.
    """
    try:
        yield
    except RuntimeError as e:
        if not is_out_of_memory(e):
            raise
        raise _no_memory(for_, advice) from e


class Batches:
    """Runs work on rows in batches. When memory runs out, the batch size is halved, and remembered.

    Example:
        >>> batches = Batches(row="mask", advice="use less")
        >>> list(batches.map(lambda rows: (rows.start, rows.stop), 6, at_most=4))
        [(0, 4), (4, 6)]

    Args:
        row: what a row is, for the error's line.
        advice: what the user can do where a single row does not fit; it ends the error's line.
        powers_of_two: whether all batches have 1, 2, 4, 8 ... rows, so that there are few different sizes.
    """

    def __init__(self, *, row: str, advice: str, powers_of_two: bool = False) -> None:
        self._fitting: int | None = None  # the batch size to try first, once a batch did not fit
        self._row, self._advice, self._powers_of_two = row, advice, powers_of_two

    def map(self, work: Callable[[slice], Result], n_rows: int, *, at_most: int) -> Iterator[Result]:
        """Yield the result of `work` for each batch, in order.

        Args:
            work: takes the rows of a batch. It is called again for the same rows when memory ran out.
            n_rows: number of rows.
            at_most: the largest batch.

        Raises:
            DeviceError: memory runs out with a single row.
        """
        start, n_fitted = 0, 0
        size = min(at_most, self._fitting or at_most)
        while start < n_rows:
            n_tried = min(size, n_rows - start)
            if self._powers_of_two:
                n_tried = 1 << n_tried.bit_length() - 1
            rows = slice(start, start + n_tried)
            try:
                result = work(rows)
            except RuntimeError as e:
                if not is_out_of_memory(e):
                    raise
                if n_tried == 1:
                    raise _no_memory(f"for a single {self._row}", self._advice) from e
            else:
                yield result
                start, n_fitted = rows.stop, max(n_fitted, n_tried)
                continue
            # Outside the handler: the error's traceback keeps the tensors of the failed batch alive.
            _empty_cache()
            size = -(-n_tried // 2)
            if n_tried > n_fitted:  # a batch of this size fitted before, and may fit again
                self._fitting = size


class SideBySide:
    """Runs work on a CPU row by row, each row in one thread, several rows at once.

    A row's result is the same, to the last bit, on any number of threads and beside any other rows.

    Args:
        row: what a row is, for the error's line.
        advice: what the user can do where a single row does not fit; it ends the error's line.
    """

    def __init__(self, *, row: str, advice: str) -> None:
        self._fitting: int | None = None  # the number of rows at once to try first, once fewer fitted
        self._row, self._advice = row, advice

    def map(self, work: Callable[[slice], Result], n_rows: int, *, at_most: int) -> Iterator[Result]:
        """Yield the result of `work` for each row, in order. When memory runs out, half as many rows run at once.

        Args:
            work: takes a slice of one row, in torch's inference mode. It is called again for the same row when memory
                ran out.
            n_rows: number of rows.
            at_most: how many rows run at once.

        Raises:
            DeviceError: memory runs out with a single row.
        """
        start = 0
        at_once = min(at_most, self._fitting or at_most)
        while start < n_rows:
            rows = (slice(row, row + 1) for row in range(start, n_rows))
            try:
                for result in side_by_side(work, rows, at_once=at_once):
                    yield result
                    start += 1
            except RuntimeError as e:
                if not is_out_of_memory(e):
                    raise
                if at_once == 1:
                    raise _no_memory(f"for a single {self._row}", self._advice) from e
                at_once = self._fitting = -(-at_once // 2)


def _empty_cache() -> None:
    """Give back the memory that PyTorch keeps of tensors that are gone."""
    torch.cuda.empty_cache()  # does nothing without CUDA
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _no_memory(for_: str, advice: str) -> DeviceError:
    return DeviceError(f"the device has not enough memory {for_}: {advice}")
