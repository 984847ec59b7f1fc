"""CVAT's XML, for images and for video: masks, polygons, boxes and ellipses; objects are tracks or have `track_id`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.gathered import Gathered
from overseg.annotations.left_out import LeftOut, NoMask
from overseg.annotations.objects import NAME, Objects
from overseg.annotations.outlines import ellipse, rectangle
from overseg.annotations.row_runs import mask_of_row_runs
from overseg.annotations.values import (
    SizeUnknownError,
    as_score,
    as_size,
    check_length,
    check_size,
    checked,
    polygon_counts,
    tolerated,
    with_pixels,
)
from overseg.data.rles import Rles
from overseg.errors import InputError

TRACK, SCORE = "track_id", "score"  # attributes of our exports
_WITHOUT_AREA = ("polyline", "points", "cuboid", "skeleton", "tag")
_UNDEFINED = "__undefined__"  # what CVAT writes for an attribute without a value
_MOST_FRAMES = 2**20


@dataclass
class _Found:
    """What is gathered while the file is read.

    Attributes:
        size: (height, width) of the pictures; None until it is known.
        pictures: those of images, by their id.
        n_frames: of a video; 0 where the file does not state it.
    """

    source: Path
    size: tuple[int, int] | None
    objects: Objects = field(default_factory=Objects)
    left_out: LeftOut = field(default_factory=LeftOut)
    pictures: dict[int, Picture] = field(default_factory=dict)
    n_frames: int = 0
    gathered: Gathered | None = None
    last_frame: int = -1

    def masks(self) -> Gathered:
        """Where masks go; InputError where nothing has stated their size yet."""
        if self.size is None:
            raise SizeUnknownError(f"expected images of one size in {self.source}, or original_size before its tracks")
        self.gathered = self.gathered or Gathered(self.size)
        return self.gathered

    def state_size(self, size: tuple[int, int], where: str) -> None:
        """Keep the size, or refuse another than before."""
        self.size = self.size or size
        check_size(size, self.size, where)


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the shapes of all images, by their `id`, or the tracks of a video, whose frames count from 0.

    A shape of an image without `track_id` is an object of its own. Shapes of a track that are `outside` are not seen.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong; a document type, which could hold entities that
            grow without end, is refused.
    """
    found = _Found(source, size)
    try:
        for element in _elements(source):
            with checked(source, f"{element.tag} {element.get('id', '')}".strip()):
                _read_element(element, found)
            if element.tag in ("image", "track"):
                element.clear()
    except OSError as e:
        raise InputError(f"cannot read {source}: {e.strerror}; check the path and its permissions") from e
    except (ParseError, LookupError, DefusedXmlException) as e:  # LookupError: an unknown encoding
        raise InputError(f"expected XML without a document type in {source}, got something else ({e})") from e
    return _annotations(found)


def _annotations(found: _Found) -> Annotations:
    masks = found.masks()
    if found.pictures:
        rows = sorted(found.pictures)
        pictures = tuple(found.pictures[id] for id in rows)
    else:
        n_frames = max(found.n_frames, found.last_frame + 1)
        check_length(n_frames, len(masks), found.source)
        rows = list(range(n_frames))
        pictures = tuple(Picture(f"{found.source}: frame {frame}", number=frame) for frame in rows)
    return Annotations(
        source=found.source,
        size=masks.size,
        pictures=pictures,
        read=lambda row: masks.read(rows[row]),
        objects=found.objects,
        left_out=found.left_out,
        counts_from_zero=not found.pictures,
        n_frames=0 if found.pictures else len(pictures),
    )


def _elements(source: Path) -> Iterator[Element]:
    for _, element in iterparse(source, events=("end",), forbid_dtd=True):
        if element.tag in ("image", "track", "original_size", "task", "job"):
            yield element


def _read_element(element: Element, found: _Found) -> None:
    if element.tag == "original_size":
        size = as_size(element.findtext("height"), element.findtext("width"), found.source)
        found.state_size(size, str(found.source))
    elif element.tag in ("task", "job"):
        found.n_frames = int(element.findtext("size") or 0)
    elif element.tag == "image":
        _read_image(element, found)
    else:
        _read_track(element, found)


def _read_image(image: Element, found: _Found) -> None:
    id = int(image.attrib["id"])
    place = f"{found.source}: image {id}"
    if image.get("height") and image.get("width"):
        found.state_size(as_size(image.get("height"), image.get("width"), found.source), place)
    if id in found.pictures:
        raise ValueError("another image has this id")
    found.pictures[id] = Picture(place, image.get("name") or "", id=id)
    for shape in image:
        _add(found, id, shape, shape.get("label"), None)


def _read_track(track: Element, found: _Found) -> None:
    number = found.objects.number(track.attrib["id"])
    for shape in track:
        frame = int(shape.get("frame", -1))
        if not 0 <= frame < _MOST_FRAMES:
            raise ValueError(f"a shape on frame {frame}")
        found.last_frame = max(found.last_frame, frame)
        if shape.get("outside") != "1":
            _add(found, frame, shape, track.get("label"), number)


def _add(found: _Found, row: int, shape: Element, label: str | None, track: int | None) -> None:
    """Add a shape to a picture or frame, or count it where it has no area."""
    masks = found.masks()
    with tolerated(found.source, f"picture {row}: {shape.tag}", found.left_out):
        counts = _counts(shape, masks.size)
        given = {one.attrib["name"]: (one.text or "").strip() for one in shape.iter("attribute")}
        known = {name: value for name, value in given.items() if value != _UNDEFINED}
        if known.get(TRACK):
            track = found.objects.number(known[TRACK])
        number, score = found.objects.new() if track is None else track, as_score(known.get(SCORE) or None)
        found.objects.note(number, label, known.get(NAME))
        masks.add(row, number, counts, score=score)


def _counts(shape: Element, size: tuple[int, int]) -> bytes:
    if shape.tag == "mask":
        return _mask_counts(shape, size)
    turn = float(shape.get("rotation") or 0)
    if shape.tag == "polygon":
        points = [float(at) for point in shape.attrib["points"].strip("; ").split(";") for at in point.split(",")]
        return polygon_counts([points], size)
    if shape.tag == "box":
        corners = [float(shape.attrib[side]) for side in ("xtl", "ytl", "xbr", "ybr")]
        return polygon_counts([rectangle(*corners, degrees=turn)], size)
    if shape.tag == "ellipse":
        numbers = [float(shape.attrib[name]) for name in ("cx", "cy", "rx", "ry")]
        return polygon_counts([ellipse(*numbers, degrees=turn)], size)
    if shape.tag in _WITHOUT_AREA:
        raise NoMask(shape.tag + "{s} without an area")
    raise ValueError(f"a shape <{shape.tag}>; masks, polygons, boxes and ellipses can be read")


def _mask_counts(mask: Element, size: tuple[int, int]) -> bytes:
    left, top, width, height = (int(mask.attrib[name]) for name in ("left", "top", "width", "height"))
    if min(left, top, width, height) < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"a mask at {left}, {top} of {width} x {height} px outside of the image")
    runs = [int(run) for run in mask.attrib["rle"].split(",")]
    whole = np.zeros((1, *size), bool)
    whole[0, top : top + height, left : left + width] = mask_of_row_runs(runs, (height, width))
    return with_pixels(Rles.from_masks(whole).counts[0], size)
