"""The regions of Label Studio's tasks, in any of its JSON exports, and their pixels."""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image

from overseg.annotations.brush_rle import decode_brush
from overseg.annotations.left_out import LeftOut, NoMask
from overseg.annotations.outlines import ellipse
from overseg.annotations.values import polygon_counts, with_pixels
from overseg.data.rles import Rles

BRUSH, BITMASK, POLYGON, RECTANGLE, ELLIPSE = "brush", "bitmask", "polygon", "rectangle", "ellipse"
VIDEO = "videorectangle"
_KIND_OF = {"rle": BRUSH, "imageDataURL": BITMASK, "sequence": VIDEO, "points": POLYGON, "vertices": POLYGON}
_SHAPES = (BRUSH, BITMASK, POLYGON, RECTANGLE, ELLIPSE, VIDEO, "vector")
_DATA_URL = "base64,"
_HALF = 128
_TOOLS_KEYS = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")


@dataclass(frozen=True)
class Region:
    """A region of a task that has an area.

    Attributes:
        kind: one of the constants above.
        value: its shape, as the file has it.
        id: as the file has it; None where it has none.
        page: which picture of its task it is on, from 0, as the file has it; None for the first.
        label: its first label; None where it has none.
        name: its object's own, as our exports write it.
        score: of a prediction.
        size: (height, width) that it states, as the file has it; None where it states none.
        turn: degrees by which its picture was turned, as the file has it.
    """

    kind: str
    value: dict[str, Any]
    id: Any = None
    page: Any = None
    label: Any = None
    name: Any = None
    score: Any = None
    size: tuple[Any, Any] | None = None
    turn: Any = None

    def counts(self, size: tuple[int, int]) -> bytes:
        """Run lengths of its pixels in a picture of this (height, width).

        Raises:
            NoMask: it has no pixel.
            KeyError, TypeError, ValueError: something is missing, or of another kind.
        """
        if float(self.turn or 0):
            raise NoMask("region{s} of a turned picture")
        if self.kind == BRUSH:
            return _counts_of(decode_brush(np.array(self.value["rle"], np.uint8), size), size)
        if self.kind == BITMASK:
            return _counts_of(_decoded(self.value["imageDataURL"], size), size)
        return shape_counts(self.kind, self.value, size)


def data_of(task: dict[str, Any]) -> dict[str, Any]:
    """What a task is about: under `data`, or beside its regions in JSON-MIN."""
    data = task.get("data")
    if isinstance(data, dict):
        return data
    return {key: value for key, value in task.items() if key not in _TOOLS_KEYS and not _is_regions(value)}


def is_min(task: dict[str, Any]) -> bool:
    """Whether a task is of JSON-MIN, which has lists of regions beside the data, and no types of regions."""
    return "data" not in task and any(map(_is_regions, task.values()))


def regions_of(task: dict[str, Any], left_out: LeftOut) -> list[Region]:
    """The regions of a task that may have an area, out of its first annotation that was not skipped, or prediction."""
    return list(_of_min(task, left_out) if is_min(task) else _of_result(_result(task, left_out), left_out))


def shape_counts(kind: str, value: dict[str, Any], size: tuple[int, int]) -> bytes:
    """Run lengths of a polygon, rectangle or ellipse, whose places are percent of width and height.

    Raises:
        NoMask: it has no pixel.
        KeyError, TypeError, ValueError: something is missing, or of another kind.
    """
    to_px = (size[1] / 100, size[0] / 100)
    if kind == POLYGON:
        return polygon_counts(
            [[at * px for point in _points(value) for at, px in zip(point, to_px, strict=True)]], size
        )
    x, y = float(value["x"]) * to_px[0], float(value["y"]) * to_px[1]
    if kind == ELLIPSE:
        radii = float(value["radiusX"]) * to_px[0], float(value["radiusY"]) * to_px[1]
        return polygon_counts([ellipse(x, y, *radii, degrees=float(value.get("rotation") or 0))], size)
    width, height = float(value["width"]) * to_px[0], float(value["height"]) * to_px[1]
    turn = np.deg2rad(float(value.get("rotation") or 0))  # around the upper left corner
    across, down = np.array([np.cos(turn), np.sin(turn)]) * width, np.array([-np.sin(turn), np.cos(turn)]) * height
    corners = np.array([x, y]) + np.array([np.zeros(2), across, across + down, down])
    return polygon_counts([corners.ravel().tolist()], size)


def _points(value: dict[str, Any]) -> Iterator[tuple[float, float]]:
    if "points" not in value and not value.get("closed", True):
        raise NoMask("open vector{s} without an area")
    for point in value["points"] if "points" in value else value["vertices"]:
        x, y = (point["x"], point["y"]) if isinstance(point, dict) else point
        yield float(x), float(y)


def _result(task: dict[str, Any], left_out: LeftOut) -> list[Any]:
    """What was drawn, out of the first annotation that was not skipped, or prediction."""
    given = []
    for annotation in _dicts(task.get("annotations") or task.get("completions"), left_out):  # as before version 1.0
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            left_out.add("skipped annotation{s}")
        else:
            given.append(annotation)
    for _ in given[1:]:
        left_out.add("annotation{s} beside the first of a picture")
    chosen = given or _dicts(task.get("predictions"), left_out)
    result = chosen[0].get("result") if chosen else None
    return result if isinstance(result, list) else []


def _dicts(value: Any, left_out: LeftOut) -> list[dict[str, Any]]:
    """The objects of a list; what else is there is counted."""
    entries = value if isinstance(value, list) else []
    for _ in [one for one in entries if not isinstance(one, dict)]:
        left_out.add("annotation{s} without a result")
    return [one for one in entries if isinstance(one, dict)]


def _of_result(result: list[Any], left_out: LeftOut) -> Iterator[Region]:
    """Regions; an entry with the id of a region says something about it, such as its label."""
    entries = [entry for entry in result if isinstance(entry, dict)]
    for _ in range(len(result) - len(entries)):
        left_out.add("region{s} without a type")
    shapes = {str(entry.get("id")) for entry in entries if _kind(entry)}
    labels = {str(entry.get("id")): _label(entry.get("value")) for entry in entries if entry.get("type") == "labels"}
    for entry in entries:
        id, kind = entry.get("id"), _kind(entry)
        if kind:
            yield _region(entry, kind, labels.get(str(id)))
        elif id is None or str(id) not in shapes or not _is_about_a_region(entry):
            type = entry.get("type")
            left_out.add(f"{str(type)[:40]} region{{s}}" if type else "region{s} without a type")


def _region(entry: dict[str, Any], kind: str, label_beside: Any) -> Region:
    width, height = entry.get("original_width"), entry.get("original_height")
    meta, value = entry.get("meta"), entry.get("value")
    return Region(
        kind,
        value if isinstance(value, dict) else {},
        entry.get("id"),
        entry.get("item_index"),
        _label(value) or label_beside,
        meta.get("name") if isinstance(meta, dict) else None,
        entry.get("score"),
        None if width is None or height is None else (height, width),
        entry.get("image_rotation"),
    )


def _is_about_a_region(entry: dict[str, Any]) -> bool:
    """Whether an entry without an area says something about a region, rather than being one, such as a keypoint."""
    value = entry.get("value")
    return entry.get("type") == "labels" or not isinstance(value, dict) or "x" not in value


def _of_min(task: dict[str, Any], left_out: LeftOut) -> Iterator[Region]:
    """Regions of JSON-MIN: lists of shapes under the names of tags; a tag with labels alone repeats the shapes."""
    found: dict[str, Region] = {}
    for entries in task.values():
        for value in entries if _is_regions(entries) else []:
            kind = _kind({"value": value})
            if not kind:
                left_out.add("region{s} without an area")
                continue
            shape = json.dumps({key: one for key, one in value.items() if not key.endswith("labels")}, sort_keys=True)
            width, height = value.get("original_width"), value.get("original_height")
            size = None if width is None or height is None else (height, width)
            label = _label(value) or (found[shape].label if shape in found else None)
            found[shape] = Region(kind, value, label=label, size=size)
    yield from found.values()


def _is_regions(value: Any) -> bool:
    """Whether a member of a task of JSON-MIN is a list of shapes."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _kind(entry: dict[str, Any]) -> str:
    """The kind of an entry; empty where it is none with an area."""
    type, value = entry.get("type"), entry.get("value")
    if type is not None:
        kind = str(type).removesuffix("labels")
        kind = POLYGON if kind == "vector" else kind
        return kind if kind in _SHAPES else ""
    value = value if isinstance(value, dict) else {}
    if kind := next((kind for key, kind in _KIND_OF.items() if key in value), ""):
        return kind
    if {"radiusX", "radiusY"} <= value.keys():
        return ELLIPSE
    return RECTANGLE if {"x", "y", "width", "height"} <= value.keys() else ""


def _label(value: Any) -> Any:
    members = value.items() if isinstance(value, dict) else ()
    return next((one[0] for key, one in members if key.endswith("labels") and isinstance(one, list) and one), None)


def _counts_of(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> bytes:
    return with_pixels(Rles.from_masks(mask[None]).counts[0], size)


def _decoded(address: Any, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The mask in a PNG of a data URL: what is opaque, or not black where nothing is transparent."""
    text = str(address).partition(_DATA_URL)[2]
    try:
        with Image.open(BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
            if (image.height, image.width) != size:
                raise ValueError(
                    f"a mask of {image.width} x {image.height} px in a picture of {size[1]} x {size[0]} px"
                )
            colours = np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, binascii.Error, Image.DecompressionBombError) as e:
        raise ValueError(f"no PNG in its mask: {e}") from e
    is_opaque = colours[..., 3] >= _HALF
    return np.asarray(colours[..., :3].any(axis=2) if is_opaque.all() else is_opaque)
