"""JSON files of any size, read piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson

from overseg.annotations.encoded import opened_json
from overseg.annotations.json_depth import refuse_deep
from overseg.errors import InputError

LIST = "item"  # where the entries of a file are that is a list


def entries_at(path: Path, key: str) -> str:
    """Where the entries of a file are: `LIST`, where the file is a list, or those under a key.

    Raises:
        InputError: as in `items`.
    """
    try:
        refuse_deep(path)
        with opened_json(path) as file:
            _, event, _ = next(iter(ijson.parse(file)))
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ijson.JSONError, UnicodeDecodeError) as e:
        raise InputError(f"expected JSON in {path}, found none ({' '.join(str(e).split())}); replace it") from e
    return LIST if event == "start_array" else f"{key}.item"


def items(path: Path, prefix: str) -> Iterator[Any]:
    """The values at a place such as `annotations.item`, one after the other.

    Raises:
        InputError: the file cannot be read, is no JSON, or is nested too deep; the line names the place.
    """
    try:
        refuse_deep(path)
        with opened_json(path) as file:
            yield from ijson.items(file, prefix, use_float=True)
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ijson.JSONError, UnicodeDecodeError) as e:
        raise InputError(f"expected JSON in {path}, found none ({' '.join(str(e).split())}); replace it") from e


def top_level_keys(path: Path) -> frozenset[str]:
    """The keys of the object that the file holds; empty where it holds something else.

    Raises:
        InputError: the file cannot be read, is no JSON, or is nested too deep.
    """
    try:
        refuse_deep(path)
        with opened_json(path) as file:
            return frozenset(value for prefix, event, value in ijson.parse(file) if (prefix, event) == ("", "map_key"))
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ijson.JSONError, UnicodeDecodeError) as e:
        raise InputError(f"expected JSON in {path}, found none ({' '.join(str(e).split())}); replace it") from e
