"""VIA, the VGG Image Annotator: regions on pictures, in JSON of versions 1 to 3, or in CSV."""

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.encoded import text_of
from overseg.annotations.gathered import Gathered
from overseg.annotations.labelme import load
from overseg.annotations.left_out import LeftOut, NoMask
from overseg.annotations.objects import NAME, Objects
from overseg.annotations.outlines import ellipse, rectangle
from overseg.annotations.png import read_frame_size
from overseg.annotations.values import SizeUnknownError, checked, polygon_counts, tolerated
from overseg.errors import InputError

PICTURES = "_via_img_metadata"  # in projects of version 2
_OF_VERSION_3 = {"file", "view", "metadata"}
_TRACKS = ("track_id", "instance_id", "object_id", "track")  # attributes that say of which object a region is
_LABELS = ("label", "class", "category", "type")
_WITHOUT_AREA = ("point", "line", "polyline", "extreme_rect", "extreme_circle")
_SHAPES = ("", "point", "rect", "circle", "ellipse", "line", "polyline", "polygon", "extreme_rect", "extreme_circle")
_NAMES = {"rect": ("x", "y", "width", "height"), "circle": ("cx", "cy", "r"), "ellipse": ("cx", "cy", "rx", "ry")}
_CSV = ("filename", "region_shape_attributes", "region_attributes")
_PICTURE = 2  # a type of file in version 3


@dataclass(frozen=True)
class _Region:
    """A region as all versions have it.

    Attributes:
        shape: with its name, and numbers as version 2 has them.
        attributes: values by name.
    """

    shape: Mapping[str, Any]
    attributes: Mapping[str, Any]


def is_via(keys: Iterable[str], first: Any) -> bool:
    """Whether a JSON file with these keys at its top is VIA's; `first` is the value of the first one.

    Exported annotations have an entry for each picture.
    """
    is_of_picture = isinstance(first, dict) and "filename" in first and "regions" in first
    return is_of_picture or PICTURES in keys or set(keys) >= _OF_VERSION_3


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a project, or exported annotations: polygons, rectangles, circles and ellipses of pictures.

    VIA does not write how large pictures are: that is the size of the first one that is beside the file, or of the
    video. Regions with one attribute `track_id`, `instance_id`, `object_id` or `track` are one object; any other region
    is an object of its own.

    Raises:
        SizeUnknownError: nothing says how large pictures are.
        InputError: the file cannot be read.
    """
    left_out = LeftOut()
    is_table = source.suffix.lower() == ".csv"
    with checked(source, "its top"):
        pictures = _of_csv(source, left_out) if is_table else _of_json(load(source), source, left_out)
    names = list(pictures)
    known = size or _size_beside(source, names)
    gathered, objects = Gathered(known), Objects()
    for row, regions in enumerate(pictures.values()):
        for at, entry in enumerate(regions):
            with tolerated(source, f"region {at} of {names[row]}", left_out):
                region = _region(entry)
                counts = polygon_counts([_outline(region.shape)], known, left_out)
                track = next(filter(_is_given, map(region.attributes.get, _TRACKS)), None)
                object = objects.new() if track is None else objects.number(track)
                objects.note(object, _label(region.attributes), region.attributes.get(NAME))
                gathered.add(row, object, counts)
    listed = tuple(Picture(f"{source}: {name}", _path_in(name)) for name in names)
    return Annotations(source, known, listed, gathered.read, objects, left_out, name=source.stem)


def _of_json(content: dict[str, Any], source: Path, left_out: LeftOut) -> dict[str, list[Any]]:
    """The regions of each picture that VIA lists, by its address."""
    if not is_via(content, next(iter(content.values()), None)):
        raise InputError(f"expected {PICTURES} or pictures with regions in {source}, found neither: is it of VIA?")
    if set(content) >= _OF_VERSION_3:
        return _of_version_3(content, source, left_out)
    found: dict[str, list[Any]] = {}
    for key, entry in content.get(PICTURES, content).items():
        with tolerated(source, f"picture {key}", left_out):
            regions = entry.get("regions") or []
            listed = regions.values() if isinstance(regions, dict) else regions  # the first as in version 1
            found.setdefault(str(entry["filename"]), []).extend(listed)
    return found


def _of_version_3(content: dict[str, Any], source: Path, left_out: LeftOut) -> dict[str, list[Any]]:
    """The same of version 3, which lists views of files, and regions by view; those of a video have a time alone."""
    found: dict[str, list[Any]] = {}
    picture_of: dict[str, str | None] = {}
    for id, view in content["view"].items():
        with tolerated(source, f"view {id}", left_out):
            file = content["file"][str(view["fid_list"][0])]
            name = str(file.get("fname") or file.get("src") or "")
            picture_of[id] = name if file.get("type", _PICTURE) == _PICTURE else None
            if picture_of[id] is not None:
                found.setdefault(name, [])
    for id, entry in content["metadata"].items():
        with tolerated(source, f"metadata {id}", left_out):
            picture = picture_of[str(entry["vid"])]
            if picture is None:
                raise NoMask("region{s} or time{s} of a video or sound, which have no frame in VIA")
            if not entry.get("xy"):
                raise NoMask("region{s} without a shape")
            found[picture].append(_of_metadata(entry, content.get("attribute") or {}))
    if not found:
        also = f"; {left_out.line(source)}" if len(left_out) else ""
        raise InputError(f"expected pictures in {source}, found none: annotate frames as pictures in VIA{also}")
    return found


def _of_metadata(entry: dict[str, Any], attributes: dict[str, Any]) -> Any:
    """A region as version 2 has it: the shape's number and its numbers are a list in version 3, values are by id."""
    kind, *numbers = entry["xy"]
    name = _SHAPES[int(kind)] if 0 < int(kind) < len(_SHAPES) else f"of number {kind}"
    shape: dict[str, Any] = {"name": name, **dict(zip(_NAMES.get(name, ()), numbers, strict=False))}
    if name == "polygon":
        shape |= {"all_points_x": numbers[::2], "all_points_y": numbers[1::2]}
    given = {}
    for id, value in (entry.get("av") or {}).items():
        attribute = attributes.get(id) or {}
        given[str(attribute.get("aname", id))] = (attribute.get("options") or {}).get(str(value), value)
    return {"shape_attributes": shape, "region_attributes": given}


def _of_csv(source: Path, left_out: LeftOut) -> dict[str, list[Any]]:
    """The same of a table with a row for each region, and for each picture without any."""
    try:
        rows = csv.DictReader(StringIO(text_of(source)))
        if not set(_CSV) <= set(rows.fieldnames or ()):
            raise InputError(f"expected the columns {', '.join(_CSV)} in {source}, as VIA writes them")
        found: dict[str, list[Any]] = {}
        for row in rows:
            if not row["filename"]:
                left_out.add("row{s} without a filename")
                continue
            shape, given = (_json_or_text(row[name]) for name in _CSV[1:])
            regions = found.setdefault(row["filename"], [])
            if shape:
                regions.append({"shape_attributes": shape, "region_attributes": given})
        return found
    except OSError as e:
        raise InputError(f"cannot read {source}: {e.strerror}; check the path and its permissions") from e
    except (csv.Error, UnicodeDecodeError) as e:
        raise InputError(f"expected CSV in {source}, found none ({' '.join(str(e).split())}); replace it") from e


def _json_or_text(text: str | None) -> Any:
    try:
        return json.loads(text or "{}", parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        return text  # counted when it is read


def _region(entry: Any) -> _Region:
    shape, attributes = entry["shape_attributes"], entry.get("region_attributes") or {}
    if not isinstance(shape, dict) or not isinstance(attributes, dict):
        raise ValueError(f"expected the attributes of a region as objects, got {shape!r:.40} and {attributes!r:.40}")
    return _Region(shape, {str(name).lower(): value for name, value in attributes.items()})


def _is_given(value: Any) -> bool:
    return value is not None and value != ""


def _outline(shape: Mapping[str, Any]) -> list[float]:
    """Points around a shape, [x0, y0, x1, y1, …] in pixels."""
    kind = shape.get("name")
    if kind == "polygon":
        points = zip(shape["all_points_x"], shape["all_points_y"], strict=True)
        return [float(at) for point in points for at in point]
    if kind in _WITHOUT_AREA:
        raise NoMask(f"{kind}{{s}} without an area")
    if kind not in _NAMES:
        raise ValueError(f"a shape {kind!r:.40}; polygons, rectangles, circles and ellipses can be read")
    numbers = [float(shape[name]) for name in _NAMES[kind]]
    if kind == "rect":
        x, y, width, height = numbers
        return rectangle(x, y, x + width, y + height)
    if kind == "circle":
        return ellipse(numbers[0], numbers[1], numbers[2], numbers[2])
    return ellipse(*numbers, degrees=math.degrees(float(shape.get("theta") or 0)))


def _label(attributes: Mapping[str, Any]) -> str | None:
    """What kind of object a region shows: the attribute called so, or the only one besides tracks and names."""
    values = {name: _chosen(value) for name, value in attributes.items() if name not in _TRACKS}
    called = next((values[name] for name in _LABELS if values.get(name)), None)
    others = [value for name, value in values.items() if name != NAME and value]
    return called or (others[0] if len(others) == 1 else None)


def _chosen(value: Any) -> str:
    """A value as text; of boxes to tick, the ones that are ticked."""
    if isinstance(value, dict):
        return ", ".join(str(name) for name, is_on in value.items() if is_on)
    return str(value).strip()


def _path_in(address: str) -> str:
    """The path in an address of a picture, which may be a path."""
    return unquote(urlsplit(address).path) if "://" in address else address


def _size_beside(source: Path, names: list[str]) -> tuple[int, int]:
    """(height, width) of the first picture that is beside the file, or in a folder `images` there."""
    for name in (PurePosixPath(_path_in(name).replace("\\", "/")).name for name in names):
        for folder in (source.parent, source.parent / "images"):
            if name and (folder / name).is_file():
                return read_frame_size(folder / name)
    raise SizeUnknownError(f"expected the pictures beside {source}, since it does not state their size: give the video")
