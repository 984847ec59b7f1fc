"""Numbers and names of the objects in another tool's files."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from overseg.annotations.json_stream import items
from overseg.annotations.left_out import LeftOut
from overseg.annotations.values import as_id, tolerated
from overseg.data.track_names import TrackName, printable_name

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
        >>> objects.note(3, "cup")
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

    def number_or_new(self, key: str) -> int:
        """The same for a number as text; a new one for -1, which stands for no object in files of detections."""
        return self.new() if float(key) == -1 else self.number(as_object_number(key))

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

    def note(self, id: int, category: object, name: object = None) -> None:
        """Keep what the file says of an object.

        Args:
            id: its number; beyond LARGEST_ID one that it was given here.
            category: of its kind; None or empty where the file has none.
            name: its own; None or empty where it has none, and is called by its category and number. What is no text
                or number is no name.
        """
        own, kind = printable_name(name), printable_name(category) or DEFAULT_CATEGORY
        if id in self._names or not (own or kind != DEFAULT_CATEGORY):
            return
        numbered = f"{kind} {id}" if id <= LARGEST_ID else kind
        self._names[id] = TrackName(own or numbered, kind)


def as_object_number(value: Any) -> int:
    """A whole number from 0 to LARGEST_ID, which may be written as text; ValueError where it is none."""
    number = float(value)
    if not 0 <= number <= LARGEST_ID:
        raise ValueError(f"{value!r} is not from 0 to {LARGEST_ID}")
    return int(number)


class Categories:
    """The categories of a file in a form of COCO's. Those that are wrong are counted as left out.

    Raises:
        InputError: the file cannot be read.
    """

    def __init__(self, source: Path, left_out: LeftOut) -> None:
        self._names: dict[int | str, str] = {}
        for at, category in enumerate(items(source, "categories.item")):
            with tolerated(source, f"categories[{at}]", left_out):
                if name := printable_name(category["name"]):
                    self._names[as_id(category["id"])] = name

    def of(self, member: dict[str, Any]) -> str | None:
        """The category of an object; None where it has none. ValueError where it is no `category_id`."""
        kind = member.get("category_id")
        return None if kind is None else self._names.get(as_id(kind))
