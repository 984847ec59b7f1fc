"""Each item is computed in one thread, in order, and not far ahead of the results that are taken."""

from collections.abc import Iterator
from threading import Event

import pytest
import torch

from overseg.side_by_side import in_one_thread, side_by_side


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Torch has several threads before, even where the tests themselves run with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_in_order_each_in_one_thread_and_in_inference_mode(at_once):
    before = torch.get_num_threads()

    def work(item: int) -> tuple[int, int, bool]:
        return item, torch.get_num_threads(), torch.is_inference_mode_enabled()

    assert list(side_by_side(work, range(4), at_once=at_once)) == [(item, 1, True) for item in range(4)]
    assert list(side_by_side(work, [], at_once=at_once)) == []
    assert torch.get_num_threads() == before


def test_items_are_computed_no_further_ahead_than_at_once_and_none_is_started_after_closing():
    taken, started, may_continue = [], [], Event()

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    def work(item: int) -> int:
        started.append(item)
        assert item == 0 or may_continue.wait(60)
        return item

    results = side_by_side(work, items(), at_once=2)
    assert next(results) == 0
    assert taken == [0, 1, 2]
    may_continue.set()
    results.close()
    assert set(started) <= {0, 1, 2}
    assert taken == [0, 1, 2]


def test_an_error_is_raised_in_order():
    def work(item: int) -> int:
        if item == 1:
            raise ValueError("one")
        return item

    results = side_by_side(work, range(3), at_once=3)
    assert next(results) == 0
    with pytest.raises(ValueError, match="one"):
        next(results)


def test_the_number_of_threads_is_restored_after_an_error():
    before = torch.get_num_threads()

    @in_one_thread
    def work() -> None:
        assert torch.get_num_threads() == 1
        raise ValueError

    with pytest.raises(ValueError):
        work()
    assert torch.get_num_threads() == before
