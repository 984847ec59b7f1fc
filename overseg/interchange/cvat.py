"""CVAT for images 1.1: XML with a mask element for every mask, and its track as an attribute."""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np

from overseg.annotations.cvat import SCORE, TRACK
from overseg.annotations.objects import NAME
from overseg.annotations.row_runs import row_runs
from overseg.data.crops import crops
from overseg.interchange.selection import SelectedFrame, Selection

FILE = "annotations.xml"


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
            attributes = {"id": frame.source_number, "name": Path(picture).name, "width": width, "height": height}
            _start(xml, "image", **{name: str(value) for name, value in attributes.items()})
            for mask, id, score in _masks(frame):
                label = selection.categories[category[id]]
                _start(xml, "mask", label=label, source="auto", occluded="0", **mask)
                _element(xml, "attribute", str(id + 1), name=TRACK)
                _element(xml, "attribute", repr(score), name=SCORE)
                if names:
                    _element(xml, "attribute", names.get(id, ""), name=NAME)
                xml.endElement("mask")
            xml.endElement("image")
            xml.characters("\n")
        xml.endElement("annotations")
        xml.endDocument()


def _write_meta(xml: XMLGenerator, selection: Selection) -> None:
    """Write the labels that a task must have: CVAT refuses attributes that its task does not have."""
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
        for name in (TRACK, SCORE, *([NAME] if selection.names else [])):
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
