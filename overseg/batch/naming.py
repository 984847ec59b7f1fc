"""Names for the stores of a batch: short, and no two alike."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from overseg.batch.tasks import Task
from overseg.errors import SettingsError

_MOST_FOLDERS = 4  # in a name; beyond that videos are numbered
_MOST_BYTES = 200  # of a name, as file systems take 255, with suffixes
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


def named_apart(tasks: Sequence[Task], known: Iterable[Task]) -> list[Task]:
    """The tasks with names that differ in more than upper and lower case.

    A video that has no name gets that of its file or folder. Where several would have the same, their names have the
    suffix of the file too, then the folders above it, then a number.

    >>> [one.name for one in named_apart([Task("", "/a/cup.mp4"), Task("", "/a/cup.mov"), Task("", "/a/tin.mp4")], [])]
    ['cup.mp4', 'cup.mov', 'tin']

    Args:
        tasks: without a name, or with one that the user gave.
        known: tasks of earlier batches into the same folder; the same tasks keep their names.

    Raises:
        SettingsError: one name is given to two videos, or cannot be one.
    """
    known = list(known)
    name_of = {replace(one, name=""): one.name for one in known}
    tasks = [one.named(one.name) if one.name else replace(one, name=name_of.get(one, "")) for one in tasks]
    _refuse_same(one for one in tasks if one.name)
    taken = {_plain(one.name) for one in (*known, *tasks) if one.name}
    unnamed = dict.fromkeys(one for one in tasks if not one.name)
    found = _names(list(unnamed), taken)
    return list(dict.fromkeys(one if one.name else one.named(found[one]) for one in tasks))


def _names(tasks: Sequence[Task], taken: set[str]) -> dict[Task, str]:
    """A name for each task: the shortest that is no other task's, and not taken."""
    found: dict[Task, str] = {}
    for candidates in zip(*map(_candidates, tasks), strict=True):
        plain = Counter(map(_plain, candidates))
        for task, name in zip(tasks, candidates, strict=True):
            if task not in found and plain[_plain(name)] == 1 and _plain(name) not in taken:
                found[task] = name
        taken |= set(map(_plain, found.values()))
    for task in tasks:
        if task not in found:
            base = next(_candidates(task))
            numbered = (f"{base}-{n}" for n in count(2))
            found[task] = next(name for name in chain([base], numbered) if _plain(name) not in taken)
            taken.add(_plain(found[task]))
    return found


def _candidates(task: Task) -> Iterator[str]:
    path = Path(task.input)
    yield _as_name(path.name if path.is_dir() else path.stem)
    parts = [part for part in path.parts if part != path.anchor]
    for n in range(1, _MOST_FOLDERS + 2):
        yield _as_name("-".join(parts[-n:]))


def _as_name(text: str) -> str:
    """A name that every file system and terminal takes, as close to the text as possible.

    >>> _as_name(" .cup\\n1"), _as_name("...")
    ('cup_1', 'video')
    """
    plain = _NOT_IN_A_NAME.sub("_", text.strip().lstrip(". "))
    return plain.encode("utf-8", "replace")[-_MOST_BYTES:].decode("utf-8", "ignore").lstrip(". ") or "video"


def _refuse_same(named: Iterable[Task]) -> None:
    first: dict[str, Task] = {}
    for one in named:
        other = first.setdefault(_plain(one.name), one)
        if other != one:
            raise SettingsError(
                f"the name {one.name!r} is given to {other.input} and to {one.input}: give each video its own"
            )


def _plain(name: str) -> str:
    return name.casefold()
