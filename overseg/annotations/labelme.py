"""LabelMe: a JSON file beside each picture, with shapes; `label` is an object's category, `group_id` its number."""

import base64
import binascii
import math
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image, UnidentifiedImageError

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.checked_numbers import number, shown
from overseg.annotations.encoded import json_of
from overseg.annotations.folders import files_in_order
from overseg.annotations.left_out import LeftOut, NoMask
from overseg.annotations.objects import NAME, Objects
from overseg.annotations.outlines import ellipse, rectangle
from overseg.annotations.png import read_frame_size
from overseg.annotations.values import (
    SizeUnknownError,
    as_score,
    as_size,
    check_size,
    checked,
    polygon_counts,
    tolerated,
    with_pixels,
)
from overseg.data.rles import Rles
from overseg.errors import InputError

_WITHOUT_AREA = ("point", "points", "line", "linestrip")
_CORNERS = ("polygon", "rotation", "oriented_rectangle")  # X-AnyLabeling and newer versions turn rectangles


@dataclass(frozen=True)
class Shape:
    """One shape of a file.

    Attributes:
        place: where it stands, to begin the line of an error.
        kind: LabelMe's shape_type.
        label: of its kind of object, as the file has it.
        group: the number by which shapes are one object; None where it is an object of its own.
        points: (x, y) in pixels.
        content: all that the file has of it.
    """

    place: str
    kind: str
    label: Any
    group: Any
    points: tuple[tuple[float, float], ...]
    content: dict[str, Any]

    def counts(self, size: tuple[int, int]) -> bytes:
        """Run lengths of the area of a mask, polygon, rectangle, circle or ellipse.

        Raises:
            NoMask: a shape of this kind has no area.
            KeyError, TypeError, ValueError: something is missing, of another kind, or lies outside of the picture.
        """
        if self.kind == "mask":
            return _mask_counts(self.points, self.content["mask"], size)
        return polygon_counts([self._outline()], size)

    def _outline(self) -> list[float]:
        if self.kind in _WITHOUT_AREA:
            raise NoMask(self.kind + "{s} without an area")
        if self.kind in _CORNERS or (self.kind == "rectangle" and len(self.points) > 2):
            return [at for point in self.points for at in point]
        if self.kind not in ("rectangle", "circle", "ellipse"):
            raise ValueError(f"a shape of type {self.kind!r}; masks, polygons, rectangles and circles can be read")
        if len(self.points) != 2:
            raise ValueError(f"a {self.kind} of {len(self.points)} points; two are needed")
        (x1, y1), (x2, y2) = self.points
        if self.kind == "rectangle":
            return rectangle(x1, y1, x2, y2)
        if self.kind == "circle":  # its centre, and a point on it
            radius = math.hypot(x2 - x1, y2 - y1)
            return ellipse(x1, y1, radius, radius)
        return ellipse((x1 + x2) / 2, (y1 + y2) / 2, abs(x2 - x1) / 2, abs(y2 - y1) / 2)


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of JSON files, one for each picture, or one of them: masks, polygons, rectangles and circles.

    Shapes of one `label` and one `group_id` are one object; a shape without `group_id` is an object of its own.

    Raises:
        InputError: a file cannot be read, or has another size than the first, or a shape of it is wrong.
    """
    return _read_files(source, [source] if source.is_file() else files_in_order(source, ".json"), size)


def read_file(source: Path, size: tuple[int, int] | None = None) -> Annotations:
    """Read one file alone, of one picture.

    Raises:
        InputError: as in `read`.
    """
    return _read_files(source, [source], size)


def _read_files(source: Path, files: list[Path], size: tuple[int, int] | None) -> Annotations:
    stated = (_stated_size(file, load(file)) for file in files)
    size = size or next((one for one in stated if one), None) or _size_of_picture(files[0])
    objects, left_out = Objects(), LeftOut()

    def masks(row: int) -> PictureMasks:
        return _masks(files[row], size, objects, left_out)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, size, pictures, masks, objects, left_out, name=source.stem)


def load(file: Path) -> dict[str, Any]:
    """The content of a file; InputError where it cannot be read, or is no JSON object."""
    try:
        content = json_of(file)
    except OSError as e:
        raise InputError(f"cannot read {file}: {e.strerror}; check the path and its permissions") from e
    except (ValueError, RecursionError) as e:
        raise InputError(f"expected JSON in {file}, found none ({' '.join(str(e).split())}); replace it") from e
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object in {file}, got {type(content).__name__}; see docs/formats.md")
    return content


def shapes_in(content: dict[str, Any], source: str) -> Iterator[Shape]:
    """The shapes of a file, whose name is `source`; InputError where one has no points."""
    for at, shape in enumerate(content["shapes"]):
        yield as_shape(shape, f"{source}: shapes[{at}]")


def as_shape(shape: Any, place: str) -> Shape:
    """An entry of a file as a shape; InputError where it has no points."""
    if not isinstance(shape, dict) or not isinstance(shape.get("points"), list):
        raise InputError(f"{place}: expected a shape with a label and points, got {shown(shape)}")
    points = tuple(_xy(point, f"{place}.points[{row}]") for row, point in enumerate(shape["points"]))
    kind = str(shape.get("shape_type") or "polygon")  # LabelMe before 3.5 has polygons alone
    group = shape.get("group_id")
    return Shape(place, kind, shape.get("label"), None if group == "" else group, points, shape)


def _xy(point: Any, place: str) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise InputError(f"{place}: expected x and y, got {shown(point)}")
    return number(point[0], place), number(point[1], place)


def _stated_size(file: Path, content: dict[str, Any]) -> tuple[int, int] | None:
    """(height, width) that a file states; None where it is null, or missing as in files of older versions."""
    with checked(file, "its top"):
        height, width = content.get("imageHeight"), content.get("imageWidth")
        return None if height is None or width is None else as_size(height, width, file)


def _size_of_picture(file: Path) -> tuple[int, int]:
    """(height, width) of the picture beside a file that states none."""
    for picture in sorted(file.parent.glob(f"{file.stem}.*")):
        if picture.suffix.lower() != ".json":
            return read_frame_size(picture)
    raise SizeUnknownError(f"expected imageHeight and imageWidth in {file}, or its picture beside it, found neither")


def _masks(file: Path, size: tuple[int, int], objects: Objects, left_out: LeftOut) -> PictureMasks:
    content = load(file)
    stated = _stated_size(file, content)
    if stated:
        check_size(stated, size, file)
    ids, counts, scores = [], [], []
    with checked(file, "its top"):
        shapes = content["shapes"] or []
        if not isinstance(shapes, list):
            raise ValueError("shapes is no list")
    for at, entry in enumerate(shapes):
        with tolerated(file, f"shapes[{at}]", left_out):
            shape = as_shape(entry, f"{file}: shapes[{at}]")
            mask, score = shape.counts(size), as_score(shape.content.get("score"))
            if shape.group is None:
                id = objects.new()
            else:
                id = objects.number_in_group(shape.label, shape.group)
            objects.note(id, shape.label, shape.content.get(NAME))
            ids.append(id)
            counts.append(mask)
            scores.append(score)
    columns = {"score": np.array(scores, np.float32)}
    return PictureMasks(Rles(size, tuple(counts)), np.array(ids, np.int64), columns)


def _mask_counts(points: tuple[tuple[float, float], ...], text: Any, size: tuple[int, int]) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"a mask that is no text but {text!r:.40}")
    left, top, right, bottom = (int(at) for point in points for at in point)
    whole = np.zeros((1, *size), bool)
    if not (0 <= left <= right < size[1] and 0 <= top <= bottom < size[0]):
        raise ValueError(f"a mask from {left}, {top} to {right}, {bottom}, outside of the picture")
    whole[0, top : bottom + 1, left : right + 1] = _decoded(text, (bottom + 1 - top, right + 1 - left))
    return with_pixels(Rles.from_masks(whole).counts[0], size)


def _decoded(text: str, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    try:
        with Image.open(BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
            if (image.height, image.width) != size:
                raise ValueError(f"a mask of {image.width} x {image.height} px for a box of {size[1]} x {size[0]} px")
            values = np.asarray(image)
    except (OSError, UnidentifiedImageError, SyntaxError, binascii.Error, Image.DecompressionBombError) as e:
        raise ValueError(f"no PNG in its mask: {e}") from e
    return np.asarray(values.reshape(*size, -1).any(axis=2))
