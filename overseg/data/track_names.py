"""Names that people give to objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from overseg.errors import InputError

_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class TrackName:
    """The name of a track.

    Attributes:
        name: of this one object, such as "left mouse".
        category: of its kind, such as "mouse"; the same as the name if there are no kinds.
    """

    name: str
    category: str


NO_NAMES: Mapping[int, TrackName] = MappingProxyType({})  # by track


def check_name(name: object, *, place: str) -> str:
    """The name, without spaces around it.

    Raises:
        InputError: it is no text, is empty, is too long, or cannot be printed; the message begins with `place`.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > _MOST_CHARACTERS or not name.isprintable():
        shown = repr(name)
        shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
        raise InputError(f"{place}: expected a name of 1 to {_MOST_CHARACTERS} printable characters, got {shown}")
    return name.strip()


def printable_name(name: object) -> str | None:
    """A name out of another tool's file, in printable characters and cut to length; None where there is none.

    >>> printable_name("cup\\n 2"), printable_name(7), printable_name(" ")
    ('cup 2', '7', None)
    """
    if not isinstance(name, str | int | float):
        return None
    printable = "".join(character if character.isprintable() else " " for character in str(name))
    return " ".join(printable.split())[:_MOST_CHARACTERS].strip() or None
