"""Label Studio's tasks: a picture each, with brushes, polygons, rectangles and ellipses."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.brush_rle import decode_brush
from overseg.annotations.gathered import Gathered
from overseg.annotations.json_stream import items
from overseg.annotations.left_out import LeftOut, NoMask
from overseg.annotations.objects import NAME, Objects, as_object_number
from overseg.annotations.outlines import ellipse
from overseg.annotations.values import as_score, as_size, check_size, checked, polygon_counts, tolerated
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.video.image_file import IMAGE_SUFFIXES

FRAME = "frame_index"  # of the frame in the input, in the data of a task
_TRACK = re.compile(r"track-(\d{1,10})")
_BRUSH, _POLYGON = ("brush", "brushlabels"), ("polygon", "polygonlabels")
_RECTANGLE, _ELLIPSE = ("rectangle", "rectanglelabels"), ("ellipse", "ellipselabels")
_SHAPES = (*_BRUSH, *_POLYGON, *_RECTANGLE, *_ELLIPSE)


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the regions of all tasks, whose pictures are ordered by name; annotations count before predictions.

    A region called `track-7` is of object 7, any other is an object of its own. All must have one size.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong.
    """
    gathered = Gathered(size) if size else None
    objects, left_out, pictures = Objects(), LeftOut(), []
    for task_row, task in enumerate(items(source, "item")):
        with checked(source, f"task {task_row}"):
            pictures.append(Picture(f"{source}: task {task_row}", _picture_name(task), _frame_number(task)))
            for region in _regions(task, left_out):
                with tolerated(source, f"task {task_row}, region {region.get('id')}", left_out):
                    found = as_size(region["original_height"], region["original_width"], source)
                    gathered = gathered or Gathered(found)
                    check_size(found, gathered.size, f"{source}: task {task_row}")
                    counts, score = _counts(region, found), as_score(region.get("score"))
                    object = _object(region, objects, f"{source}: region {region.get('id')}")
                    gathered.add(task_row, object, counts, score=score)
    if gathered is None:
        raise InputError(
            f"expected brushes, polygons, rectangles or ellipses in {source}, found none; their size is that of the "
            "frames"
        )
    masks, order = gathered, _order(pictures)
    return Annotations(
        source=source,
        size=masks.size,
        pictures=tuple(pictures[row] for row in order),
        read=lambda row: masks.read(order[row]),
        objects=objects,
        left_out=left_out,
        stated_from_zero=all(picture.number is not None for picture in pictures),
    )


def _picture_name(task: dict[str, Any]) -> str:
    """The file name of a task's picture; empty where it has none."""
    values = [value for value in (task.get("data") or {}).values() if isinstance(value, str)]
    for value in values:
        address = urlsplit(value)
        for part in (address.query.partition("d=")[2], address.path):
            name = PurePosixPath(unquote(part).replace("\\", "/")).name
            if name.lower().endswith(IMAGE_SUFFIXES):
                return name
    return ""


def _frame_number(task: dict[str, Any]) -> int | None:
    """The number of the frame that our exports state."""
    number = (task.get("data") or {}).get(FRAME)
    return None if number is None else int(number)


def _order(pictures: list[Picture]) -> list[int]:
    """Rows of the pictures by name, or in the order of the file where names are missing or repeated."""
    from natsort import natsort_key

    names = {picture.name for picture in pictures}
    if "" in names or len(names) < len(pictures):
        return list(range(len(pictures)))
    return sorted(range(len(pictures)), key=lambda row: natsort_key(pictures[row].stem))


def _regions(task: dict[str, Any], left_out: LeftOut) -> Iterator[dict[str, Any]]:
    """The regions of a task that have an area, out of its first annotation that was not skipped, or prediction."""
    given = []
    for annotation in task.get("annotations") or task.get("completions") or []:  # as versions before 1.0 call them
        if annotation.get("was_cancelled"):
            left_out.add("skipped annotation{s}")
        else:
            given.append(annotation)
    for _ in given[1:]:
        left_out.add("annotation{s} beside the first of a picture")
    for one in (given or task.get("predictions") or [])[:1]:
        for region in one.get("result") or []:
            kind = region.get("type")
            if kind in _SHAPES:
                yield region
            else:
                left_out.add(f"{str(kind)[:40]} region{{s}}" if kind else "region{s} without a type")


def _object(region: dict[str, Any], objects: Objects, place: str) -> int:
    named = _TRACK.fullmatch(str(region.get("id")))
    id = objects.number(as_object_number(named[1])) if named else objects.new()
    label = (region["value"].get(region["type"]) or [None])[0]
    objects.note(id, label, (region.get("meta") or {}).get(NAME), place=place)
    return id


def _counts(region: dict[str, Any], size: tuple[int, int]) -> bytes:
    kind, value = region["type"], region["value"]
    if kind in _BRUSH:
        if "rle" not in value:
            raise NoMask("brush without run lengths")
        return Rles.from_masks(decode_brush(np.array(value["rle"], np.uint8), size)[None]).counts[0]
    to_px = (size[1] / 100, size[0] / 100)  # places are percent of width and height
    if kind in _POLYGON:
        return polygon_counts(
            [[float(at) * px for point in value["points"] for at, px in zip(point, to_px, strict=True)]], size
        )
    x, y = float(value["x"]) * to_px[0], float(value["y"]) * to_px[1]
    if kind in _ELLIPSE:
        radii = float(value["radiusX"]) * to_px[0], float(value["radiusY"]) * to_px[1]
        return polygon_counts([ellipse(x, y, *radii, degrees=float(value.get("rotation") or 0))], size)
    width, height = float(value["width"]) * to_px[0], float(value["height"]) * to_px[1]
    turn = np.deg2rad(float(value.get("rotation") or 0))  # around the upper left corner
    across, down = np.array([np.cos(turn), np.sin(turn)]) * width, np.array([-np.sin(turn), np.cos(turn)]) * height
    corners = np.array([x, y]) + np.array([np.zeros(2), across, across + down, down])
    return polygon_counts([corners.ravel().tolist()], size)
