"""Pascal VOC's objects: a name and a box each, as XML or as JSON of the same form."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from overseg.annotations.checked_numbers import box, check_stated_size, shown
from overseg.data.track_names import check_name
from overseg.errors import InputError


@dataclass(frozen=True)
class BoxedObject:
    """One object of a file.

    Attributes:
        name: as the file has it.
        place: where its box stands, to begin the line of an error.
        box_xyxy: (x1, y1, x2, y2) in pixels.
    """

    name: str
    place: str
    box_xyxy: tuple[float, float, float, float]


def read_json(content: dict[str, Any], source: str, size: tuple[int, int]) -> list[BoxedObject]:
    """The objects under `annotation.object`, each with a `name` and a `bndbox`.

    Numbers may be written as text, and a single object need not be in a list, as converters from XML write it.

    Args:
        content: what is in the file.
        source: the file's name, to begin the lines of errors.
        size: (height, width) in pixels of the picture.

    Raises:
        InputError: something is missing or of another kind, or the file is for pictures of another size.
    """
    annotation = content["annotation"]
    if not isinstance(annotation, dict) or not isinstance(annotation.get("object"), dict | list):
        raise InputError(f"{source}: annotation: expected a list under `object`, got {shown(annotation)}")
    stated = annotation.get("size")
    if isinstance(stated, dict) and {"width", "height"} <= stated.keys():
        check_stated_size(stated["height"], stated["width"], size, f"{source}: annotation.size")
    objects = annotation["object"]
    return list(_of_json(objects if isinstance(objects, list) else [objects], source))


def _of_json(objects: list[Any], source: str) -> Iterator[BoxedObject]:
    if not objects:
        raise InputError(f"{source}: annotation.object: expected an object at least, got none")
    for at, one in enumerate(objects):
        place = f"{source}: annotation.object[{at}]"
        if not isinstance(one, dict):
            raise InputError(f"{place}: expected an object with a name and a bndbox, got {shown(one)}")
        name = check_name(one.get("name"), place=f"{place}.name")
        if not isinstance(one.get("bndbox"), dict):
            raise InputError(f"{place}.bndbox: expected xmin, ymin, xmax and ymax, got {shown(one.get('bndbox'))}")
        yield BoxedObject(name, f"{place}.bndbox", box(one["bndbox"], f"{place}.bndbox"))


def read_xml(path: Path, size: tuple[int, int]) -> list[BoxedObject]:
    """The objects of a file; parts of an object, which have boxes of their own, are passed over.

    Args:
        path: the file.
        size: (height, width) in pixels of the picture.

    Raises:
        InputError: the file cannot be read, something in it is missing or of another kind, it is for pictures of
            another size, or has a document type, which could hold entities that grow without end.
    """
    root = _root(path)
    if root is None or root.tag != "annotation":
        raise InputError(
            f"{path}: expected <annotation>, as Pascal VOC has it, got <{'' if root is None else root.tag}>"
        )
    stated = root.find("size")
    if stated is not None:
        check_stated_size(_text(stated, "height"), _text(stated, "width"), size, f"{path}: annotation.size")
    objects = root.findall("object")
    if not objects:
        raise InputError(f"{path}: annotation: expected an <object> at least, found none")
    return [_of_xml(one, f"{path}: annotation.object[{at}]") for at, one in enumerate(objects)]


def is_of_several_pictures(path: Path) -> bool:
    """Whether a file is CVAT's, which has `<annotations>`; InputError as in `read_xml` where it is no XML."""
    root = _root(path)
    return root is not None and root.tag == "annotations"


def picture_named_in(path: Path) -> str:
    """The name of the picture that a file speaks of; empty where it names none. InputError as in `read_xml`."""
    root = _root(path)
    return "" if root is None else (_text(root, "filename") or "").strip()


def _root(path: Path) -> Element | None:
    try:
        return parse(path, forbid_dtd=True).getroot()
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ParseError, LookupError, ValueError, DefusedXmlException) as e:  # LookupError: an unknown encoding
        reason = " ".join(str(e).split())
        raise InputError(f"{path}: expected XML without a document type, got something else ({reason})") from e


def _of_xml(one: Element, place: str) -> BoxedObject:
    found = one.find("bndbox")
    if found is None:
        raise InputError(f"{place}: expected a <bndbox>, found none")
    sides = {side.tag: side.text for side in found}
    name = check_name(_text(one, "name"), place=f"{place}.name")
    return BoxedObject(name, f"{place}.bndbox", box(sides, f"{place}.bndbox"))


def _text(parent: Element, tag: str) -> str | None:
    child = parent.find(tag)
    return None if child is None else child.text
