"""Label Studio's tasks: pictures with brushes, polygons, rectangles and ellipses, or videos with boxes."""

import re
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.gathered import Gathered
from overseg.annotations.json_stream import items
from overseg.annotations.label_studio_regions import Region, data_of, regions_of
from overseg.annotations.label_studio_video import is_of_video, read_video
from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import Objects, as_object_number
from overseg.annotations.values import SizeUnknownError, as_score, as_size, check_size, checked, tolerated
from overseg.errors import InputError
from overseg.video.image_file import IMAGE_SUFFIXES

FRAME = "frame_index"  # of the frame in the input, in the data of a task
_TRACK = re.compile(r"track-(\d{1,10})")


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the regions of all tasks, whose pictures are ordered by name; annotations count before predictions.

    A region called `track-7` is of object 7, any other is an object of its own. All must have one size. JSON-MIN is
    read as well, and boxes on a video as `label_studio_video` reads them.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong.
    """
    if any(is_of_video(task) for task in items(source, "item")):
        return read_video(source, list(items(source, "item")), size, video)
    known = _size(source, size)
    gathered, objects, left_out = Gathered(known), Objects(), LeftOut()
    pictures: dict[tuple[int, int], Picture] = {}  # by task and page
    row_of: dict[tuple[int, int], int] = {}
    rows, seen = count(), set[Any]()
    for at, task in enumerate(items(source, "item")):
        with checked(source, f"task {at}"):
            if not isinstance(task, dict):
                raise ValueError("a task is an object with data")
            if _is_repeated(task, seen):
                left_out.add("annotation{s} beside the first of a picture")
                continue
            names = _picture_names(task)
            for page, name in enumerate(names):
                place = f"{source}: task {at}" + (f", picture {page}" if len(names) > 1 else "")
                pictures[at, page] = Picture(place, name, _frame_number(task))
                row_of[at, page] = next(rows)
            for region in regions_of(task, left_out):
                with tolerated(source, f"task {at}, region {region.id}", left_out):
                    found = as_size(*region.size, source) if region.size else known
                    check_size(found, known, f"{source}: task {at}")
                    page = int(region.page or 0)
                    if (at, page) not in row_of:
                        raise ValueError(f"item_index is {page}, and the task has {len(names)} pictures")
                    counts, score = region.counts(known), as_score(region.score)
                    object = _object(region, objects, f"{source}: region {region.id}")
                    gathered.add(row_of[at, page], object, counts, score=score)
    listed = list(pictures.values())
    order = _order(listed)
    return Annotations(
        source=source,
        size=known,
        pictures=tuple(listed[row] for row in order),
        read=lambda row: gathered.read(order[row]),
        objects=objects,
        left_out=left_out,
        stated_from_zero=all(picture.number is not None for picture in listed),
    )


def _size(source: Path, size: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of all pictures: the one that is expected, or that of the first region that states one."""
    if size:
        return size
    has_regions = False
    for at, task in enumerate(items(source, "item")):
        with checked(source, f"task {at}"):
            for region in regions_of(task, LeftOut()):
                has_regions = True
                with suppress(TypeError, ValueError, OverflowError, InputError):  # counted when masks are read
                    if region.size:
                        return as_size(*region.size, source)
    if has_regions:
        raise SizeUnknownError(f"expected original_width and original_height of a region in {source}, found none")
    raise InputError(
        f"expected brushes, polygons, rectangles or ellipses in {source}, found none; their size is that of the frames"
    )


def _is_repeated(task: dict[str, Any], seen: set[Any]) -> bool:
    """Whether the same task was there before: JSON-MIN has one entry for each annotation of it."""
    if "data" in task or task.get("id") is None:
        return False
    key = str(task["id"])
    is_repeated = key in seen
    seen.add(key)
    return is_repeated


def _picture_names(task: dict[str, Any]) -> list[str]:
    """The file names of a task's pictures; one that is empty where it has none."""
    values = list(data_of(task).values())
    pages = next(
        (value for value in values if isinstance(value, list) and value and all(map(_picture_name, value))), []
    )
    return [_picture_name(page) for page in pages] or [next(filter(None, map(_picture_name, values)), "")]


def _picture_name(value: Any) -> str:
    """The file name in an address of a picture; empty where it is none."""
    if not isinstance(value, str):
        return ""
    address = urlsplit(value)
    for part in (address.query.partition("d=")[2], address.path):
        name = PurePosixPath(unquote(part).replace("\\", "/")).name
        if name.lower().endswith(IMAGE_SUFFIXES):
            return name
    return ""


def _frame_number(task: dict[str, Any]) -> int | None:
    """The number of the frame that our exports state."""
    number = data_of(task).get(FRAME)
    return None if number is None else int(number)


def _order(pictures: list[Picture]) -> list[int]:
    """Rows of the pictures by name, or in the order of the file where names are missing or repeated."""
    from natsort import natsort_key

    names = {picture.name for picture in pictures}
    if "" in names or len(names) < len(pictures):
        return list(range(len(pictures)))
    return sorted(range(len(pictures)), key=lambda row: natsort_key(pictures[row].stem))


def _object(region: Region, objects: Objects, place: str) -> int:
    named = _TRACK.fullmatch(str(region.id))
    id = objects.number(as_object_number(named[1])) if named else objects.new()
    objects.note(id, region.label, region.name)
    return id
