"""What objects are called in another tool's files: a category each, and some a name of their own."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from overseg.data.track_names import TrackName, check_name
from overseg.interchange.imported import LARGEST_ID
from overseg.interchange.json_input import as_id, checked
from overseg.interchange.json_stream import items
from overseg.interchange.relabel import DEFAULT_CATEGORY

NAME = "name"  # of the member or attribute in which our exports put an object's own name


class NamesRead:
    """Gathers what objects are called while their masks are read; what is said first of an object counts.

    Example:
        >>> names = NamesRead()
        >>> names.note(3, "cup", None, place="a.json: shapes[0]")
        >>> dict(names.found)
        {3: TrackName(name='cup 3', category='cup')}
    """

    def __init__(self) -> None:
        self._found: dict[int, TrackName] = {}

    @property
    def found(self) -> Mapping[int, TrackName]:
        """By object, also those that are still to be read; without objects that nobody told from others."""
        return MappingProxyType(self._found)

    def note(self, id: int, category: object, name: object, *, place: str) -> None:
        """Take up what the file says of an object.

        Args:
            id: its number; beyond LARGEST_ID one that it got here.
            category: of its kind; None or empty where the file does not say it.
            name: its own; None or empty where it has none, and is called by its category and number.
            place: where this stands, for errors.

        Raises:
            InputError: what is said is no name.
        """
        if id in self._found or not (name or category not in (None, "", DEFAULT_CATEGORY)):
            return
        kind = check_name(category or DEFAULT_CATEGORY, place=place)
        numbered = f"{kind} {id}" if id <= LARGEST_ID else kind
        self._found[id] = TrackName(check_name(name, place=place) if name else numbered, kind)


class Categories:
    """The categories of a file in a form of COCO's.

    Raises:
        InputError: the file cannot be read, or something is wrong with one of them.
    """

    def __init__(self, source: Path) -> None:
        self._names: dict[int | str, str] = {}
        for at, category in enumerate(items(source, "categories.item")):
            with checked(source, f"categories[{at}]"):
                place = f"{source}: categories[{at}].name"
                self._names[as_id(category["id"])] = check_name(category["name"], place=place)

    def of(self, member: dict[str, Any]) -> str | None:
        """The category of an object; None where it has none. ValueError where it is no `category_id`."""
        kind = member.get("category_id")
        return None if kind is None else self._names.get(as_id(kind))
