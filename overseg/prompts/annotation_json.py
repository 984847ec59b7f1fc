"""Objects as JSON of Pascal VOC's form: `annotation.object[]`, each with a `name` and a `bndbox`."""

from collections.abc import Iterator
from typing import Any

from overseg.data.track_names import check_name
from overseg.errors import InputError
from overseg.prompts.numbers import box, check_size, shown
from overseg.prompts.objects import Pointed


def read(content: dict[str, Any], source: str, size: tuple[int, int]) -> list[Pointed]:
    """The objects of a file, each with its box.

    Numbers may be written as text, and a single object need not be in a list, as converters from XML write it.

    Args:
        content: what is in the file.
        source: the file's name, to begin the lines of errors.
        size: (height, width) in pixels of the input's pictures.

    Raises:
        InputError: something is missing or of another kind, or the file is for pictures of another size.
    """
    annotation = content["annotation"]
    if not isinstance(annotation, dict) or not isinstance(annotation.get("object"), dict | list):
        raise InputError(f"{source}: annotation: expected a list under `object`, got {shown(annotation)}")
    declared = annotation.get("size")
    if isinstance(declared, dict) and {"width", "height"} <= declared.keys():
        check_size(declared["height"], declared["width"], size, f"{source}: annotation.size")
    objects = annotation["object"]
    return list(_objects(objects if isinstance(objects, list) else [objects], source))


def _objects(objects: list[Any], source: str) -> Iterator[Pointed]:
    if not objects:
        raise InputError(f"{source}: annotation.object: expected an object at least, got none")
    for at, one in enumerate(objects):
        place = f"{source}: annotation.object[{at}]"
        if not isinstance(one, dict):
            raise InputError(f"{place}: expected an object with a name and a bndbox, got {shown(one)}")
        name = check_name(one.get("name"), place=f"{place}.name")
        if not isinstance(one.get("bndbox"), dict):
            raise InputError(f"{place}.bndbox: expected xmin, ymin, xmax and ymax, got {shown(one.get('bndbox'))}")
        yield Pointed(name, f"{place}.bndbox", box_xyxy=box(one["bndbox"], f"{place}.bndbox"))
