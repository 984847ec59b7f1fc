"""Numbers out of files that people and tools wrote; each error names the place in the file."""

import math
from collections.abc import Mapping
from typing import Any

from overseg.errors import InputError

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def number(value: Any, place: str) -> float:
    """A finite number, which may be written as text.

    Raises:
        InputError: it is none; the line begins with `place`.
    """
    try:
        found = math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{place}: expected a number, got {shown(value)}")
    return found


def box(sides: Mapping[str, Any], place: str) -> tuple[float, float, float, float]:
    """(x1, y1, x2, y2) out of `xmin`, `ymin`, `xmax`, `ymax`.

    Raises:
        InputError: one is missing, or is no number.
    """
    missing = [side for side in _SIDES if side not in sides]
    if missing:
        raise InputError(f"{place}: expected xmin, ymin, xmax and ymax, found no {missing[0]}")
    x1, y1, x2, y2 = (number(sides[side], f"{place}.{side}") for side in _SIDES)
    return x1, y1, x2, y2


def check_stated_size(height: Any, width: Any, size: tuple[int, int], place: str) -> None:
    """Refuse with InputError a file that states another size of its picture than (height, width)."""
    found = number(width, f"{place}.width"), number(height, f"{place}.height")
    if found != (size[1], size[0]):
        raise InputError(
            f"{place}: expected the input's size, {size[1]} x {size[0]} px, got {found[0]:g} x {found[1]:g} px"
        )


def shown(value: Any) -> str:
    """A value in a few characters."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
