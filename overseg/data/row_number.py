"""Whether something is a number of a row, a frame or a track."""

from numbers import Integral


def is_number_in(value: object, low: int, stop: int) -> bool:
    """Whether a value is a whole number from `low` up to `stop`, which is excluded.

    >>> is_number_in(3, 0, 4), is_number_in(4, 0, 4), is_number_in(1.0, 0, 4), is_number_in("1", 0, 4)
    (True, False, False, False)
    """
    return isinstance(value, Integral) and low <= int(value) < stop
