"""Work that another thread does ahead of its use."""

import threading
from collections.abc import Iterator

import pytest

from overseg.side_by_side import ahead


def test_results_come_in_order_and_only_so_many_ahead() -> None:
    taken: list[int] = []

    def items():
        for item in range(9):
            taken.append(item)
            yield item

    results = ahead(lambda item: (item, threading.current_thread()), items(), n_ahead=3)
    first, thread = next(results)
    assert first == 0
    assert thread is not threading.current_thread()
    assert [item for item, _ in results] == list(range(1, 9))
    assert taken == list(range(9))


def test_a_closed_iterator_takes_no_more_items() -> None:
    taken: list[int] = []
    results = ahead(taken.append, iter(range(100)), n_ahead=2)
    next(results)
    results.close()
    assert len(taken) <= 4


def test_errors_reach_the_caller() -> None:
    def items():
        yield 1
        raise OSError("damaged")

    results = ahead(lambda item: item, items(), n_ahead=2)
    assert next(results) == 1
    with pytest.raises(OSError, match="damaged"):
        next(results)


def test_nothing_comes_of_nothing() -> None:
    assert list(ahead(lambda item: item, [], n_ahead=2)) == []


def test_as_many_are_taken_ahead_as_asked_for() -> None:
    fourth = threading.Event()

    def items() -> Iterator[int]:
        yield from range(3)
        fourth.set()
        yield 3

    results = ahead(lambda item: item, items(), n_ahead=3)
    assert next(results) == 0
    assert fourth.wait(timeout=10)  # while nobody takes another one
    results.close()
