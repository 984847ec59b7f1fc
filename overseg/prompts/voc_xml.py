"""Objects as Pascal VOC's XML: `<annotation>` with an `<object>` for each, of a `<name>` and a `<bndbox>`."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from overseg.data.track_names import check_name
from overseg.errors import InputError
from overseg.prompts.numbered import numbered
from overseg.prompts.numbers import box, check_size
from overseg.prompts.objects import Pointed


def read(path: Path, size: tuple[int, int]) -> list[Pointed]:
    """The objects of a file, each with its box. Of an object's parts, which have boxes of their own, none is taken.

    A `<name>` is that of a class: objects of one class are numbered.

    Args:
        path: the file.
        size: (height, width) in pixels of the input's pictures.

    Raises:
        InputError: the file cannot be read, something in it is missing or of another kind, it is for pictures of
            another size, or has a document type, which could hold entities that grow without end.
    """
    try:
        root = parse(path, forbid_dtd=True).getroot()
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ParseError, LookupError, ValueError, DefusedXmlException) as e:  # LookupError: an unknown encoding
        reason = " ".join(str(e).split())
        raise InputError(f"{path}: expected XML without a document type, got something else ({reason})") from e
    if root is None or root.tag != "annotation":
        raise InputError(
            f"{path}: expected <annotation>, as Pascal VOC has it, got <{'' if root is None else root.tag}>"
        )
    declared = root.find("size")
    if declared is not None:
        check_size(_text(declared, "height"), _text(declared, "width"), size, f"{path}: annotation.size")
    objects = root.findall("object")
    if not objects:
        raise InputError(f"{path}: annotation: expected an <object> at least, found none")
    return numbered([_pointed(one, f"{path}: annotation.object[{at}]") for at, one in enumerate(objects)])


def _pointed(one: Element, place: str) -> Pointed:
    found = one.find("bndbox")
    if found is None:
        raise InputError(f"{place}: expected a <bndbox>, found none")
    sides = {side.tag: side.text for side in found}
    name = check_name(_text(one, "name"), place=f"{place}.name")
    return Pointed(name, f"{place}.bndbox", box_xyxy=box(sides, f"{place}.bndbox"), category=name)


def _text(parent: Element, tag: str) -> str | None:
    child = parent.find(tag)
    return None if child is None else child.text
