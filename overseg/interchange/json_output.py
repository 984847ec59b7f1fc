"""JSON written piece by piece, so that memory does not grow with the file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def write_json(path: Path, members: dict[str, Any]) -> None:
    """Write an object. A member that is an iterator becomes a list with an element a line, written as it is made.

    A member that is a function is called after all members before it were written.

    Example:
        >>> write_json(Path("a.json"), {"info": {}, "annotations": iter([{"id": 1}])})  # doctest: +SKIP
    """
    with path.open("w", encoding="utf-8") as file:
        file.write("{")
        for place, (name, value) in enumerate(members.items()):
            file.write(f"{',' if place else ''}\n{_ENCODER.encode(name)}:")
            if isinstance(value, Iterator):
                write_list(file, value)
            else:
                file.write(_ENCODER.encode(value() if callable(value) else value))
        file.write("\n}\n")


def write_list(file: IO[str], elements: Iterator[Any]) -> None:
    """Write a list, an element a line."""
    file.write("[")
    for place, element in enumerate(elements):
        file.write(",\n" if place else "\n")
        file.write(_ENCODER.encode(element))
    file.write("]")


def known(value: float) -> float | None:
    """A number as JSON can hold it: None in place of NaN."""
    return None if value != value else value
