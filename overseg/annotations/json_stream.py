"""JSON files of any size, read piece by piece."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ijson

from overseg.annotations.encoded import look_through, opened_json
from overseg.errors import InputError

MAX_DEPTH = 200  # formats have up to ten
LIST = "item"  # where the entries of a file are that is a list


def entries_at(path: Path, key: str) -> str:
    """Where the entries of a file are: `LIST`, where the file is a list, or those under a key.

    Raises:
        InputError: as in `items`.
    """
    with _opened(path) as file:
        _, event, _ = next(iter(ijson.parse(file)))
    return LIST if event == "start_array" else f"{key}.item"


def items(path: Path, prefix: str) -> Iterator[Any]:
    """The values at a place such as `annotations.item`, one after the other.

    Raises:
        InputError: the file cannot be read, is no JSON, or is nested too deep; the line names the place.
    """
    with _opened(path) as file:
        yield from ijson.items(file, prefix, use_float=True)


def top_level_keys(path: Path) -> frozenset[str]:
    """The keys of the object that the file holds; empty where it holds something else.

    Raises:
        InputError: the file cannot be read, is no JSON, or is nested too deep.
    """
    with _opened(path) as file:
        return frozenset(value for prefix, event, value in ijson.parse(file) if (prefix, event) == ("", "map_key"))


def first_value(path: Path) -> Any:
    """The first value in the object that the file holds; None where it holds something else, or nothing.

    Raises:
        InputError: as in `items`.
    """
    with _opened(path) as file:
        try:
            return next((value for _, value in ijson.kvitems(file, "", use_float=True)), None)
        except TypeError:  # of ijson, where the file holds no object
            return None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A JSON file to read bytes from; errors under this block become one line."""
    try:
        if look_through(path).depth > MAX_DEPTH:  # a parser would need unbounded memory
            raise InputError(
                f"{path} holds lists within lists, more than {MAX_DEPTH} deep; no tool writes such files: replace it"
            )
        with opened_json(path) as file:
            yield file
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ijson.JSONError, UnicodeDecodeError) as e:
        raise InputError(f"expected JSON in {path}, found none ({' '.join(str(e).split())}); replace it") from e
