"""Lists of videos in a file: plain, CSV, or JSON Lines."""

import csv
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from overseg.batch.tasks import Task
from overseg.errors import InputError

LIST_SUFFIXES = frozenset({".txt", ".csv", ".jsonl"})
_COLUMNS = tuple(f.name for f in fields(Task))
_OF_FAILURES = ("error", "kind", "where", "time", "retry", "traceback")  # so that failures.jsonl is such a list
_WHOLE, _PATHS = ("start", "end"), ("input", "prompts")

Line = tuple[int, dict[str, Any]]


def read_list(path: Path) -> list[Task]:
    """The videos in a list. Paths and patterns in it are relative to the list's folder.

    Args:
        path: `.txt` with a path on each line; `.csv` whose first line names the columns; or `.jsonl` with an object on
            each line. Columns and members are `input`, and where wanted `name`, `start`, `end` and `prompts`. Empty
            lines are passed over, and in `.txt` those that begin with #.

    Raises:
        InputError: it cannot be read, or says something else; the error names the line.
    """
    read = {".txt": _plain, ".csv": _csv, ".jsonl": _jsonl}[path.suffix.lower()]
    try:
        lines = [*read(path.read_text(encoding="utf-8-sig"), path)]
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"cannot read the list {path}: {e}; check the path, and that it is text in UTF-8") from e
    if not lines:
        raise InputError(f"expected videos in the list {path}, found none")
    return [_task(values, f"{path}, line {number}", path.absolute().parent) for number, values in lines]


def _plain(text: str, path: Path) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, {"input": line.strip()}


def _csv(text: str, path: Path) -> Iterator[Line]:
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    for row in rows:
        if None in row or None in row.values():
            raise InputError(f"{path}, line {rows.line_num}: expected as many values as there are columns")
        values = {name.strip(): (value or "").strip() for name, value in row.items()}
        yield rows.line_num, {name: _number(name, value) for name, value in values.items() if value}


def _jsonl(text: str, path: Path) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise InputError(f"{path}, line {number}: expected a JSON object ({e})") from e
        if not isinstance(values, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object, got {type(values).__name__}")
        yield number, {name: value for name, value in values.items() if value is not None and name not in _OF_FAILURES}


def _number(name: str, value: str) -> Any:
    return int(value) if name in _WHOLE and value.isdecimal() else value


def _task(values: dict[str, Any], place: str, folder: Path) -> Task:
    if unknown := sorted(set(values) - set(_COLUMNS)):
        raise InputError(f"{place}: {unknown[0]!r} is unknown; expected {', '.join(_COLUMNS)}")
    if "input" not in values:
        raise InputError(f"{place}: expected `input`, the path of a video; there is {', '.join(values) or 'nothing'}")
    for name, value in values.items():
        if name in _WHOLE and (type(value) is not int or value < 0):
            raise InputError(f"{place}: {name} is a whole number of frames, not {value!r}")
        if name not in _WHOLE and (not isinstance(value, str) or not value):
            raise InputError(f"{place}: {name} is text, not {value!r}")
    if values.get("end") is not None and values["end"] <= values.get("start", 0):
        raise InputError(f"{place}: expected an end after {values.get('start', 0)}, the start, got {values['end']}")
    paths = {name: str(folder / Path(values[name]).expanduser()) for name in _PATHS if name in values}
    return Task(**{"name": "", **values, **paths})
