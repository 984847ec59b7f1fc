"""LabelMe: a JSON file beside each picture, with a shape of type `mask` for each mask and its track as `group_id`."""

import base64
import binascii
import json
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image, UnidentifiedImageError

from overseg.data.crops import crops
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.folders import files_in_order
from overseg.interchange.imported import FIRST_OWN_ID, LARGEST_ID, Imported, imported_masks
from overseg.interchange.json_input import as_size, checked, polygon_counts, within
from overseg.interchange.json_output import write_json
from overseg.interchange.names import NAME, NamesRead
from overseg.interchange.png import encoded
from overseg.interchange.selection import SelectedFrame, Selection

_VERSION = "5.5.0"  # the first of LabelMe that knows masks as we write them


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<picture>.json` for every frame."""
    height, width = selection.size
    category = dict(zip(selection.objects.id.tolist(), selection.objects.category.tolist(), strict=True))
    for frame, picture in zip(selection, pictures, strict=True):
        members: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": _shapes(frame, {id: selection.categories[row] for id, row in category.items()}, selection.names),
            "imagePath": picture,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        write_json(folder / f"{Path(picture).stem}.json", members)


def _shapes(frame: SelectedFrame, label: dict[int, str], names: dict[int, str]) -> Iterator[dict[str, Any]]:
    masks = frame.masks
    for ((x, y), mask), id, score in zip(crops(masks.rles), masks.track.tolist(), masks.score.tolist(), strict=True):
        png = encoded(Image.fromarray(np.ascontiguousarray(mask.T)))
        yield {
            "label": label[id],
            **({NAME: names[id]} if id in names else {}),
            "points": [[x.start, y.start], [x.stop - 1, y.stop - 1]],  # both corners are pixels of the mask's box
            "group_id": id + 1,
            "description": "",
            "shape_type": "mask",
            "flags": {},
            "mask": base64.b64encode(png).decode("ascii"),
            "score": score,
        }


def read(source: Path) -> Imported:
    """Read a folder of JSON files, a frame each in the order of their names; masks, polygons and rectangles.

    Shapes of one `group_id` are one object, of the category that `label` says; a shape without is an object of its own.

    Raises:
        InputError: a file cannot be read, has another size than the first, or a shape of another type.
    """
    files = files_in_order(source, ".json")
    first = _load(files[0])
    with checked(files[0], "its top"):
        size = as_size(first["imageHeight"], first["imageWidth"], files[0])
    names = NamesRead()
    frames = _frames(files, size, names)
    return Imported(size=size, n_frames=len(files), frames=frames, name=source.name, names=names.found)


def _frames(files: list[Path], size: tuple[int, int], names: NamesRead) -> Iterator[TrackMasks]:
    own = count(FIRST_OWN_ID)
    for file in files:
        content = _load(file)
        with checked(file, "its top"):
            if as_size(content["imageHeight"], content["imageWidth"], file) != size:
                raise ValueError("it has another size than the first file")
            shapes = list(content["shapes"])
        ids, counts, scores = [], [], []
        for at, shape in enumerate(shapes):
            with checked(file, f"shapes[{at}]"):
                ids.append(int(within(shape.get("group_id"), 0, LARGEST_ID, otherwise=next(own))))
                names.note(ids[-1], shape.get("label"), shape.get(NAME), place=f"{file}: shapes[{at}]")
                counts.append(shape_counts(shape, size))
                scores.append(within(shape.get("score"), 0, 1, otherwise=1.0))
        yield imported_masks(Rles(size, tuple(counts)), np.array(ids, np.int64), score=np.array(scores, np.float32))


def shape_counts(shape: dict[str, Any], size: tuple[int, int]) -> bytes:
    """Run lengths of a mask, polygon or rectangle.

    Raises:
        KeyError, TypeError, ValueError: something is missing, of another kind, or lies outside of the picture.
    """
    kind, points = shape["shape_type"], [[float(at) for at in point] for point in shape["points"]]
    if kind == "mask":
        left, top, right, bottom = (int(at) for point in points for at in point)
        whole = np.zeros((1, *size), bool)
        if not (0 <= left <= right < size[1] and 0 <= top <= bottom < size[0]):
            raise ValueError(f"a mask from {left}, {top} to {right}, {bottom}, outside of the picture")
        whole[0, top : bottom + 1, left : right + 1] = _decoded(shape["mask"], (bottom + 1 - top, right + 1 - left))
        return Rles.from_masks(whole).counts[0]
    if kind == "rectangle":
        (x1, y1), (x2, y2) = points
        points = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]
    elif kind != "polygon":
        raise ValueError(f"a shape of type {kind!r}; masks, polygons and rectangles can be read")
    if len(points) < 3:
        raise ValueError("a polygon of fewer than three points")
    return polygon_counts([[at for point in points for at in point]], size)


def _decoded(text: str, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    try:
        with Image.open(BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
            if (image.height, image.width) != size:
                raise ValueError(f"a mask of {image.width} x {image.height} px for a box of {size[1]} x {size[0]} px")
            values = np.asarray(image)
    except (OSError, UnidentifiedImageError, SyntaxError, binascii.Error, Image.DecompressionBombError) as e:
        raise ValueError(f"no PNG in its mask: {e}") from e
    return np.asarray(values.reshape(*size, -1).any(axis=2))


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise InputError(f"cannot read {file}: {e.strerror}; check the path and its permissions") from e
    except (ValueError, RecursionError) as e:
        raise InputError(f"expected JSON in {file}, found none ({' '.join(str(e).split())}); replace it") from e
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object in {file}, got {type(content).__name__}; see docs/formats.md")
    return content
