"""Names for objects that a file calls by their class alone, as Pascal VOC and LabelMe do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from overseg.errors import InputError
from overseg.prompts.objects import Pointed


def numbered(pointed: Sequence[Pointed]) -> list[Pointed]:
    """The same with a name of its own for each object: `cup`, or `cup 1` and `cup 2` where there are two.

    What has another name than its category is left as it is. Points are of the one object of their class; where it has
    no outline at all, they are the object.

    Raises:
        InputError: points of a class of which there are several objects; the line names the place.
    """
    n_objects = Counter(one.name for one in pointed if _is_called_by_class(one) and not one.points)
    taken = {one.name for one in pointed}
    free = {name: _free_names(name, taken) for name, n in n_objects.items() if n > 1}
    return [replace(one, name=_name(one, n_objects[one.name], free)) for one in pointed]


def _name(one: Pointed, n_objects: int, free: dict[str, Iterator[str]]) -> str:
    if one.name not in free or not _is_called_by_class(one):
        return one.name
    if one.points:
        raise InputError(
            f"{one.place}: expected to know which of {n_objects} objects {one.name!r} the point is of: give both the "
            "same group_id"
        )
    return next(free[one.name])


def _is_called_by_class(one: Pointed) -> bool:
    return one.name == one.category


def _free_names(name: str, taken: set[str]) -> Iterator[str]:
    return (numbered for number in count(1) if (numbered := f"{name} {number}") not in taken)
