"""CVAT for images 1.1: XML with a mask element for every mask, and its track as an attribute."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from overseg.data.crops import crops
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.imported import FIRST_OWN_ID, LARGEST_ID, Gathered, Imported
from overseg.interchange.json_input import as_size, checked, within
from overseg.interchange.names import NAME, NamesRead
from overseg.interchange.row_runs import mask_of_row_runs, row_runs
from overseg.interchange.selection import SelectedFrame, Selection

FILE = "annotations.xml"
_TRACK, _SCORE = "track_id", "score"


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `annotations.xml`; small masks have a higher `z_order`."""
    category = dict(zip(selection.objects.id.tolist(), selection.objects.category.tolist(), strict=True))
    names = selection.names
    with (folder / FILE).open("w", encoding="utf-8") as file:
        xml = XMLGenerator(file, encoding="utf-8", short_empty_elements=True)
        xml.startDocument()
        _start(xml, "annotations")
        _element(xml, "version", "1.1")
        _write_meta(xml, selection)
        for frame, picture in zip(selection, pictures, strict=True):
            height, width = selection.size
            attributes = {"id": frame.position, "name": Path(picture).name, "width": width, "height": height}
            _start(xml, "image", **{name: str(value) for name, value in attributes.items()})
            for mask, id, score in _masks(frame):
                label = selection.categories[category[id]]
                _start(xml, "mask", label=label, source="auto", occluded="0", **mask)
                _element(xml, "attribute", str(id + 1), name=_TRACK)
                _element(xml, "attribute", repr(score), name=_SCORE)
                if names:
                    _element(xml, "attribute", names.get(id, ""), name=NAME)
                xml.endElement("mask")
            xml.endElement("image")
            xml.characters("\n")
        xml.endElement("annotations")
        xml.endDocument()


def _write_meta(xml: XMLGenerator, selection: Selection) -> None:
    """The labels that a task must have to take the masks: CVAT refuses attributes that it does not know."""
    for name in ("meta", "task"):
        _start(xml, name)
    _element(xml, "name", selection.name)
    _element(xml, "size", str(len(selection)))
    _start(xml, "labels")
    for category in selection.categories:
        _start(xml, "label")
        _element(xml, "name", category)
        _element(xml, "type", "mask")
        _start(xml, "attributes")
        for name in (_TRACK, _SCORE, *([NAME] if selection.names else [])):
            _start(xml, "attribute")
            members = {"name": name, "mutable": "False", "input_type": "text", "default_value": "", "values": ""}
            for member, value in members.items():
                _element(xml, member, value)
            xml.endElement("attribute")
        xml.endElement("attributes")
        xml.endElement("label")
    for name in ("labels", "task", "meta"):
        xml.endElement(name)


def _start(xml: XMLGenerator, tag: str, **attributes: str) -> None:
    xml.startElement(tag, AttributesImpl(attributes))


def _element(xml: XMLGenerator, tag: str, text: str, **attributes: str) -> None:
    _start(xml, tag, **attributes)
    xml.characters(text)
    xml.endElement(tag)


def _masks(frame: SelectedFrame) -> Iterator[tuple[dict[str, str], int, float]]:
    """The attributes of each mask, its object and its score."""
    order = np.argsort(-frame.masks.rles.area_px(), kind="stable")
    z_order = np.empty(len(order), np.int64)
    z_order[order] = np.arange(len(order))
    columns = zip(
        crops(frame.masks.rles),
        z_order.tolist(),
        frame.masks.track.tolist(),
        frame.masks.score.tolist(),
        strict=True,
    )
    for ((x, y), mask), z, id, score in columns:
        box = {"left": x.start, "top": y.start, "width": x.stop - x.start, "height": y.stop - y.start, "z_order": z}
        rle = ", ".join(map(str, row_runs(mask.T).tolist()))
        yield {"rle": rle, **{name: str(value) for name, value in box.items()}}, id, score


def read(source: Path) -> Imported:
    """Read the masks of all images, ordered by their `id`. A mask without a `track_id` is an object of its own.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong; a document type, which could hold entities that
            grow without end, is refused.
    """
    found: list[tuple[int, tuple[int, int], list[tuple[int, bytes, float]]]] = []
    own, names = count(FIRST_OWN_ID), NamesRead()
    try:
        for at, image in enumerate(_images(source)):
            with checked(source, f"image {at}"):
                size = as_size(image.get("height"), image.get("width"), source)
                place = f"{source}: image {at}"
                masks = [_read_mask(mask, size, next(own), names, place) for mask in image.iter("mask")]
                found.append((int(image.attrib["id"]), size, masks))
            image.clear()
    except OSError as e:
        raise InputError(f"cannot read {source}: {e.strerror}; check the path and its permissions") from e
    except (ParseError, LookupError, DefusedXmlException) as e:  # an encoding that is not known
        raise InputError(f"expected XML without a document type in {source}, got something else ({e})") from e
    return _imported(source, sorted(found, key=lambda image: image[0]), names)


def _images(source: Path) -> Iterator[Element]:
    for _, element in iterparse(source, events=("end",), forbid_dtd=True):
        if element.tag == "image":
            yield element


def _read_mask(
    mask: Element, size: tuple[int, int], own: int, names: NamesRead, place: str
) -> tuple[int, bytes, float]:
    """Object (`own` where it is not said), run lengths and score."""
    left, top, width, height = (int(mask.attrib[name]) for name in ("left", "top", "width", "height"))
    if min(left, top, width, height) < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"a mask at {left}, {top} of {width} x {height} px outside of the image")
    runs = [int(run) for run in mask.attrib["rle"].split(",")]
    whole = np.zeros((1, *size), bool)
    whole[0, top : top + height, left : left + width] = mask_of_row_runs(runs, (height, width))
    known = {one.attrib["name"]: (one.text or "").strip() for one in mask.iter("attribute")}
    id = int(within(known.get(_TRACK) or None, 0, LARGEST_ID, otherwise=own))
    names.note(id, mask.get("label"), known.get(NAME), place=place)
    return id, Rles.from_masks(whole).counts[0], within(known.get(_SCORE) or None, 0, 1, otherwise=1.0)


def _imported(
    source: Path, found: list[tuple[int, tuple[int, int], list[tuple[int, bytes, float]]]], names: NamesRead
) -> Imported:
    sizes = {size for _, size, _ in found}
    if len(sizes) != 1:
        raise InputError(f"expected images of one size in {source}, got {len(sizes)}; frames of a video have one")
    (size,) = sizes
    gathered = Gathered(size)
    for frame, (_, _, masks) in enumerate(found):
        for id, counts, score in masks:
            gathered.add(frame, id, counts, score=score)
    return Imported(size=size, n_frames=len(found), frames=gathered.frames(len(found)), names=names.found)
