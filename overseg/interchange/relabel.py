"""A table of numbers and categories for tracks; tracks that it does not list are left out."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64

from overseg.annotations.objects import DEFAULT_CATEGORY
from overseg.data.track_names import TrackName, check_name
from overseg.errors import InputError

_COLUMNS = {"track", "id", "category"}
_LARGEST_ID = 2**30 - 2  # plus 1 it is a number that can be imported


@dataclass(frozen=True)
class Labels:
    """The number and category of each track.

    Attributes:
        id: number of the object that each track is, from 0; -1 for a track that is left out. Tracks with one number
            are one object.
        category: row number of each track's category.
        categories: names of all categories.
    """

    id: Int64[np.ndarray, " t"]
    category: Int32[np.ndarray, " t"]
    categories: tuple[str, ...]

    @classmethod
    def of_names(cls, n_tracks: int, names: Mapping[int, TrackName]) -> "Labels":
        """Every track an object of its own number, in the category that it was given, or "object"."""
        given = [names[track].category if track in names else DEFAULT_CATEGORY for track in range(n_tracks)]
        numbers = {category: number for number, category in enumerate(dict.fromkeys(given))}
        category = np.array([numbers[category] for category in given], np.int32)
        return cls(np.arange(n_tracks, dtype=np.int64), category, tuple(numbers) or (DEFAULT_CATEGORY,))


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


def read_labels(path: Path, n_tracks: int) -> Labels:
    """Labels out of a CSV file with the columns `track`, and `id` or `category` or both.

    Example: tracks 3 and 8 are one cup, and nothing else is exported.

        track,id,category
        3,0,cup
        8,0,cup

    Args:
        path: the file. Without `id` each track keeps its number; without `category` it is an "object".
        n_tracks: how many tracks there are.

    Raises:
        InputError: the file cannot be read, or a line of it is wrong.
    """
    labels = Labels(np.full(n_tracks, -1, np.int64), np.zeros(n_tracks, np.int32), ())
    numbers: dict[str, int] = {}
    for line, row in _rows(path):
        track = _whole(row, "track", path, line, n_tracks - 1)
        if labels.id[track] >= 0:
            raise InputError(f"{path}, line {line}: track {track} has a line already; give each track one")
        labels.id[track] = _whole(row, "id", path, line, _LARGEST_ID) if row.get("id") else track
        category = row.get("category") or DEFAULT_CATEGORY
        labels.category[track] = numbers.setdefault(category, len(numbers))
    return Labels(labels.id, labels.category, tuple(numbers) or (DEFAULT_CATEGORY,))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True, strict=True)
            columns = set(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise InputError(f"expected a table of labels in {path}, cannot read it: {e}") from e
    if "track" not in columns or not columns <= _COLUMNS or len(columns) < 2:
        raise InputError(
            f"expected the columns track, and id or category, in the first line of {path}, got {sorted(columns)}"
        )
    if any(None in row or None in row.values() for _, row in rows):
        raise InputError(f"expected {len(columns)} values in every line of {path}, got more or fewer")
    return rows


def _whole(row: dict[str, str], column: str, path: Path, line: int, largest: int) -> int:
    text = row[column].strip()
    if not text.isdecimal() or int(text) > largest:
        raise InputError(f"{path}, line {line}: expected a {column} from 0 to {largest}, got {text!r}")
    return int(text)
