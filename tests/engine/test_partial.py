"""When partial results are published."""

from itertools import pairwise

from overseg.engine.partial import EVERY_S, FIRST_PARTIAL_S, PartialResults, is_interrupt


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def published_at(publish_s: float, *, until_s: int) -> list[float]:
    """The times of the partial results of a run that asks every second, if publishing takes so long."""
    clock, times = Clock(), []

    def publish() -> None:
        times.append(clock.s - 100)
        clock.s += publish_s

    partial = PartialResults(publish, clock=clock)
    while clock.s < 100 + until_s:
        partial.publish_if_due()
        clock.s += 1
    return times


def test_results_are_published_soon_and_then_every_three_minutes():
    times = published_at(0, until_s=2000)
    assert times[:7] == [2, 6, 14, 30, 62, 126, 254] and FIRST_PARTIAL_S == 2
    assert {later - earlier for earlier, later in pairwise(times[6:])} == {EVERY_S}


def test_publishing_takes_a_twentieth_of_the_time_at_most():
    times = published_at(30, until_s=20000)
    assert 28 <= len(times) <= 20000 / 600
    assert min(later - earlier for earlier, later in pairwise(times[1:])) >= 600


def test_nothing_is_published_shortly_before_the_end():
    clock, times = Clock(), []

    def publish() -> None:
        times.append(clock.s)
        clock.s += 3

    partial = PartialResults(publish, clock=clock)
    for left_s in (1, 30, 11, 13):  # the first partial result, and four times what it took
        clock.s += 100
        partial.publish_if_due(left_s)
    assert times == [300, 503]


def test_an_interrupt_is_recognised_behind_another_error():
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as e:
            raise RuntimeError("stopped in a callback") from e
    except RuntimeError as e:
        assert is_interrupt(e)
    assert not is_interrupt(RuntimeError("out of memory"))
