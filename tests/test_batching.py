"""Batches shrink until they fit, and no further; or rows run side by side, each in one thread."""

from collections.abc import Iterator
from threading import Barrier
from typing import Any

import pytest
import torch

from overseg.batching import Batches, SideBySide
from overseg.errors import DeviceError, is_out_of_memory
from overseg.side_by_side import side_by_side

CPU_LINE = "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"


class Device:
    """Work that runs out of memory with more rows than fit."""

    def __init__(self, fitting: int) -> None:
        self.fitting = fitting
        self.tried: list[int] = []

    def work(self, rows: slice) -> list[int]:
        self.tried.append(rows.stop - rows.start)
        if self.tried[-1] > self.fitting:
            raise RuntimeError(CPU_LINE)
        return list(range(rows.start, rows.stop))


@pytest.mark.parametrize(("fitting", "tried"), [(9, [4, 3]), (3, [4, 2, 2, 2, 1]), (1, [4, 2] + [1] * 7)])
def test_all_rows_in_order_in_batches_that_fit(fitting: int, tried: list[int]) -> None:
    device, batches = Device(fitting), Batches(row="mask", advice="")
    assert [row for part in batches.map(device.work, 7, at_most=4) for row in part] == list(range(7))
    assert device.tried == tried


def test_the_batch_size_that_fits_is_remembered() -> None:
    device, batches = Device(3), Batches(row="mask", advice="")
    for _ in range(2):
        list(batches.map(device.work, 4, at_most=4))
    assert device.tried == [4, 2, 2, 2, 2]


def test_an_odd_batch_is_halved_to_the_larger_half() -> None:
    device, batches = Device(4), Batches(row="mask", advice="")
    list(batches.map(device.work, 7, at_most=7))
    assert device.tried == [7, 4, 3]


def test_a_short_last_batch_that_fails_does_not_shrink_later_ones() -> None:
    device, batches = Device(8), Batches(row="mask", advice="")
    parts = batches.map(device.work, 11, at_most=8)
    next(parts)
    device.fitting = 2  # something else takes the memory for a while
    assert [len(part) for part in parts] == [2, 1]
    device.fitting = 8
    assert [len(part) for part in batches.map(device.work, 11, at_most=8)] == [8, 3]


def test_no_memory_for_a_single_row_is_an_error_with_advice() -> None:
    with pytest.raises(DeviceError, match="not enough memory for a single mask: buy more"):
        list(Batches(row="mask", advice="buy more").map(Device(0).work, 2, at_most=2))


def test_other_errors_are_raised() -> None:
    def work(rows: slice) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Batches(row="mask", advice="").map(work, 2, at_most=2))


class TestSideBySide:
    @pytest.mark.parametrize("n_rows", [0, 1, 2, 7])
    def test_all_rows_one_by_one_in_order(self, n_rows: int) -> None:
        found = SideBySide(row="mask", advice="").map(lambda rows: (rows.start, rows.stop), n_rows, at_most=3)
        assert list(found) == [(row, row + 1) for row in range(n_rows)]

    def test_at_most_rows_at_once_each_in_one_thread(self) -> None:
        together = Barrier(3, timeout=60)  # falls where fewer come together

        def work(rows: slice) -> tuple[int, bool]:
            together.wait()
            return torch.get_num_threads(), torch.is_inference_mode_enabled()

        before = torch.get_num_threads()
        assert list(SideBySide(row="mask", advice="").map(work, 6, at_most=3)) == [(1, True)] * 6
        assert torch.get_num_threads() == before

    def test_fewer_rows_at_once_after_memory_ran_out_and_none_is_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        at_once: list[int] = []

        def counted(*args: Any, **options: Any) -> Iterator[int]:
            at_once.append(options["at_once"])
            return side_by_side(*args, **options)

        monkeypatch.setattr("overseg.batching.side_by_side", counted)
        pair, failed, batches = Barrier(2, timeout=60), [], SideBySide(row="mask", advice="")

        def work(rows: slice) -> int:
            if rows.start < 2 and not failed:
                pair.wait()
                if rows.start == 1:
                    failed.append(rows)
                    raise RuntimeError(CPU_LINE)
            return rows.start

        for _ in range(2):
            assert list(batches.map(work, 5, at_most=2)) == [0, 1, 2, 3, 4]
        assert at_once == [2, 1, 1]

    def test_no_memory_for_a_single_row_is_an_error_with_advice(self) -> None:
        with pytest.raises(DeviceError, match="not enough memory for a single mask: buy more"):
            list(SideBySide(row="mask", advice="buy more").map(Device(0).work, 2, at_most=4))

    def test_other_errors_are_raised(self) -> None:
        def work(rows: slice) -> None:
            raise RuntimeError("shapes do not match")

        with pytest.raises(RuntimeError, match="shapes"):
            list(SideBySide(row="mask", advice="").map(work, 2, at_most=2))


def test_batches_of_a_power_of_two_have_all_rows() -> None:
    batches = Batches(row="mask", advice="", powers_of_two=True)
    assert [rows.stop - rows.start for rows in batches.map(lambda rows: rows, 13, at_most=6)] == [4, 4, 4, 1]
    assert [rows.stop - rows.start for rows in batches.map(lambda rows: rows, 7, at_most=64)] == [4, 2, 1]


def test_memory_kept_by_pytorch_is_given_back_before_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append("cuda"))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: given_back.append("mps"))
    assert list(Batches(row="mask", advice="").map(Device(1).work, 2, at_most=2))
    assert given_back == ["cuda", "mps"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(CPU_LINE),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer"),
        torch.OutOfMemoryError(),
        MemoryError(),
        ValueError("OpenCV(4.10.0) error: (-4:Insufficient memory) Failed to allocate 9 bytes"),
    ],
)
def test_out_of_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
