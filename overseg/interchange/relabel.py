"""A table of numbers, names and categories for tracks, and of tracks to leave out."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64

from overseg.annotations.encoded import text_of
from overseg.annotations.objects import DEFAULT_CATEGORY
from overseg.data.track_names import NO_NAMES, TrackName, check_name
from overseg.errors import InputError

_COLUMNS = {"track", "id", "name", "category", "drop"}
_WORDS = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True, "x": True}
_LARGEST_ID = 2**30 - 2  # plus 1 it is a number that can be imported


@dataclass(frozen=True)
class Labels:
    """The number and category of each track.

    Attributes:
        id: number of the object that each track is, from 0; -1 for a track that is left out. Tracks with one number
            are one object.
        category: row number of each track's category.
        categories: names of all categories.
        names: the name of each track that has one of its own, by track.
    """

    id: Int64[np.ndarray, " t"]
    category: Int32[np.ndarray, " t"]
    categories: tuple[str, ...]
    names: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of_names(cls, n_tracks: int, names: Mapping[int, TrackName]) -> "Labels":
        """Every track an object of its own number, in the category that it was given, or "object"."""
        given = [names[track].category if track in names else DEFAULT_CATEGORY for track in range(n_tracks)]
        numbers = {category: number for number, category in enumerate(dict.fromkeys(given))}
        category = np.array([numbers[category] for category in given], np.int32)
        own = {track: name.name for track, name in names.items()}
        return cls(np.arange(n_tracks, dtype=np.int64), category, tuple(numbers) or (DEFAULT_CATEGORY,), own)

    @property
    def track_names(self) -> dict[int, TrackName]:
        """What tracks are called, of those that have a name or a category other than "object"."""
        return {
            track: TrackName(self.names.get(track, kind), kind)
            for track, kind in enumerate(self.categories[row] for row in self.category.tolist())
            if track in self.names or kind != DEFAULT_CATEGORY
        }


def labels_of(categories: Mapping[Any, Any], n_tracks: int) -> Labels:
    """Labels from the category of each track, by its number; each track keeps its number.

    >>> labels_of({2: "cup"}, 3).id.tolist()
    [-1, -1, 2]

    Raises:
        InputError: there is no such track, or a category is no name.
    """
    labels = Labels(np.full(n_tracks, -1, np.int64), np.zeros(n_tracks, np.int32), ())
    numbers: dict[str, int] = {}
    for track, category in categories.items():
        if not isinstance(track, int) or not 0 <= track < n_tracks:
            raise InputError(f"labels: expected the number of a track from 0 to {n_tracks - 1}, got {track!r}")
        labels.id[track] = track
        name = check_name(category, place=f"labels of track {track}")
        labels.category[track] = numbers.setdefault(name, len(numbers))
    return Labels(labels.id, labels.category, tuple(numbers) or (DEFAULT_CATEGORY,))


def read_labels(path: Path, n_tracks: int, names: Mapping[int, TrackName] = NO_NAMES) -> Labels:
    """Labels out of a CSV file with the column `track`, and any of `id`, `name`, `category` and `drop`.

    Without `drop`, tracks that the file does not list are left out. With it, they stay as they are, and those with a 1
    there are left out.

    Example: tracks 3 and 8 are one cup, and nothing else is exported.

        track,id,category
        3,0,cup
        8,0,cup

    Args:
        path: the file. Without `id` each track keeps its number; without `category` or `name` its own.
        n_tracks: how many tracks there are.
        names: what tracks are called already.

    Raises:
        InputError: the file cannot be read, or a line of it is wrong.
    """
    columns, rows = _rows(path)
    own = Labels.of_names(n_tracks, names)
    id = own.id if "drop" in columns else np.full(n_tracks, -1, np.int64)
    category = [own.categories[row] for row in own.category.tolist()]
    called, seen = dict(own.names), set()
    for line, row in rows:
        track = _whole(row, "track", path, line, n_tracks - 1)
        if track in seen:
            raise InputError(f"{path}, line {line}: track {track} has a line already; give each track one")
        seen.add(track)
        id[track] = _whole(row, "id", path, line, _LARGEST_ID) if row.get("id") else track
        if _is_dropped(row, path, line):
            id[track] = -1
        place = f"{path}, line {line}"
        if row.get("category"):
            category[track] = check_name(row["category"], place=place)
        if row.get("name"):
            called[track] = check_name(row["name"], place=place)
    numbers = {one: number for number, one in enumerate(dict.fromkeys(np.array(category, object)[id >= 0].tolist()))}
    rows_of = np.array([numbers.get(one, 0) for one in category], np.int32)
    return Labels(id, rows_of, tuple(numbers) or (DEFAULT_CATEGORY,), called)


def _is_dropped(row: dict[str, str], path: Path, line: int) -> bool:
    word = row.get("drop", "").strip().lower()
    if word not in _WORDS:
        raise InputError(f"{path}, line {line}: expected 1 or 0 in drop, got {row['drop']!r}")
    return _WORDS[word]


def _rows(path: Path) -> tuple[set[str], list[tuple[int, dict[str, str]]]]:
    """The columns, and each line with its number."""
    try:
        reader = csv.DictReader(StringIO(text_of(path), newline=""), skipinitialspace=True, strict=True)
        columns = set(reader.fieldnames or ())
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise InputError(f"expected a table of labels in {path}, cannot read it: {e}") from e
    if "track" not in columns or not columns <= _COLUMNS or len(columns) < 2:
        raise InputError(
            f"expected the columns track, and id, name, category or drop, in the first line of {path}, got "
            f"{sorted(columns)}"
        )
    if any(None in row or None in row.values() for _, row in rows):
        raise InputError(f"expected {len(columns)} values in every line of {path}, got more or fewer")
    return columns, rows


def _whole(row: dict[str, str], column: str, path: Path, line: int, largest: int) -> int:
    text = row[column].strip()
    if not text.isdecimal() or int(text) > largest:
        raise InputError(f"{path}, line {line}: expected a {column} from 0 to {largest}, got {text!r}")
    return int(text)
