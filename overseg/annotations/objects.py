"""Numbers and names of the objects in another tool's files."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from overseg.annotations.json_stream import items
from overseg.annotations.values import as_id, checked
from overseg.data.track_names import TrackName, check_name

NAME = "name"  # the member or attribute in which our exports put an object's own name
DEFAULT_CATEGORY = "object"
LARGEST_ID = 2**30 - 1  # of an object that has a number
FIRST_OWN_ID = LARGEST_ID + 1  # of objects that have none
_LARGEST_OWN_ID = 2**31 - 1


class Objects:
    """Gives each object a number, and gathers what objects are called; what a file says first of an object counts.

    Example:
        >>> objects = Objects()
        >>> objects.number(3), objects.number("007"), objects.number("left") == FIRST_OWN_ID
        (3, 7, True)
        >>> objects.note(3, "cup", None, place="a.json: shapes[0]")
        >>> dict(objects.names)
        {3: TrackName(name='cup 3', category='cup')}
        >>> [objects.label(id) for id in (3, 7, FIRST_OWN_ID)]
        ['3', '007', 'left']
    """

    def __init__(self) -> None:
        self._names: dict[int, TrackName] = {}
        self._labels: dict[int, str] = {}
        self._number_of: dict[object, int] = {}
        self._own = count(FIRST_OWN_ID)

    @property
    def names(self) -> Mapping[int, TrackName]:
        """What objects are called, by number; without objects of which the file has neither category nor name."""
        return MappingProxyType(self._names)

    def label(self, id: int) -> str:
        """The object as the file calls it."""
        return self._labels.get(id, str(id))

    def number(self, key: object) -> int:
        """The number of an object that the file calls `key`: the same number, or a new one for any other text.

        Raises:
            ValueError: it is neither a text nor a number from 0 to LARGEST_ID.
        """
        if key in self._number_of:
            return self._number_of[key]
        called = self._key(key)
        number = called if isinstance(called, int) else self.new()
        self._number_of[key] = number
        self._labels.setdefault(number, str(key))
        return number

    @staticmethod
    def _key(key: object) -> int | str:
        """A number, which may be written as text, or any other text; ValueError where it is neither."""
        return key if isinstance(key, str) and not key.strip().isdecimal() else as_object_number(key)

    def new(self) -> int:
        """The number of an object that the file neither calls nor numbers.

        Raises:
            ValueError: there are too many of them.
        """
        number = next(self._own)
        if number > _LARGEST_OWN_ID:
            raise ValueError("more objects than can be numbered")
        return number

    def number_in_group(self, category: object, group: object) -> int:
        """The number of the object of this category in a group: the group's own, or a new one for a second category."""
        called = self._key(group)
        key = (category if isinstance(category, str) else None, called)
        if key not in self._number_of:
            taken = called in self._number_of
            self._number_of[key] = self.new() if taken else self.number(called)
        return self._number_of[key]

    def note(self, id: int, category: object, name: object, *, place: str) -> None:
        """Keep what the file says of an object.

        Args:
            id: its number; beyond LARGEST_ID one that it was given here.
            category: of its kind; None or empty where the file has none.
            name: its own; None or empty where it has none, and is called by its category and number.
            place: where this stands, for errors.

        Raises:
            InputError: it is no name.
        """
        if id in self._names or not (name or category not in (None, "", DEFAULT_CATEGORY)):
            return
        kind = check_name(category or DEFAULT_CATEGORY, place=place)
        numbered = f"{kind} {id}" if id <= LARGEST_ID else kind
        self._names[id] = TrackName(check_name(name, place=place) if name else numbered, kind)


def as_object_number(value: Any) -> int:
    """A whole number from 0 to LARGEST_ID, which may be written as text; ValueError where it is none."""
    number = float(value)
    if not 0 <= number <= LARGEST_ID:
        raise ValueError(f"{value!r} is not from 0 to {LARGEST_ID}")
    return int(number)


class Categories:
    """The categories of a file in a form of COCO's.

    Raises:
        InputError: the file cannot be read, or something is wrong with one of them.
    """

    def __init__(self, source: Path) -> None:
        self._names: dict[int | str, str] = {}
        for at, category in enumerate(items(source, "categories.item")):
            with checked(source, f"categories[{at}]"):
                if category["name"] is None:
                    continue
                place = f"{source}: categories[{at}].name"
                self._names[as_id(category["id"])] = check_name(category["name"], place=place)

    def of(self, member: dict[str, Any]) -> str | None:
        """The category of an object; None where it has none. ValueError where it is no `category_id`."""
        kind = member.get("category_id")
        return None if kind is None else self._names.get(as_id(kind))
