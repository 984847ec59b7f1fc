"""Panoptic COCO: `panoptic.json`, and a PNG for every frame whose colours are numbers of segments.

A segment's number, red + 256 green + 65536 blue, is that of its object on every frame, as video panoptic sets have it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from overseg.annotations.objects import NAME
from overseg.annotations.panoptic import FILE
from overseg.interchange.json_output import write_json
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.png import encoded, number_map
from overseg.interchange.selection import SelectedFrame, Selection
from overseg.output.colours import track_colours

FOLDER = "panoptic"
_LARGEST = 2**24 - 1


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `panoptic.json` and `panoptic/<picture>.png`."""
    given = numbers(selection, largest=_LARGEST)
    write_table(selection, given, folder)
    (folder / FOLDER).mkdir()
    height, width = selection.size
    colours = track_colours(np.arange(len(selection.categories))).tolist()
    images = [
        {"id": position + 1, "file_name": Path(picture).name, "width": width, "height": height}
        for position, picture in enumerate(pictures)
    ]
    categories = [
        {"id": number, "name": name, "supercategory": name, "isthing": 1, "color": colour}
        for number, (name, colour) in enumerate(zip(selection.categories, colours, strict=True), 1)
    ]
    annotations = (_write_frame(selection, frame, given, pictures[frame.position], folder) for frame in selection)
    members = {"info": {}, "licenses": [], "images": images, "categories": categories, "annotations": annotations}
    write_json(folder / FILE, members)


def _write_frame(
    selection: Selection, frame: SelectedFrame, given: Int64[np.ndarray, " o"], picture: str, folder: Path
) -> dict[str, Any]:
    """Write the map of a frame; returns its annotation."""
    masks = frame.masks
    row = np.searchsorted(selection.objects.id, masks.track)
    name = f"{Path(picture).stem}.png"
    colours = _as_colours(number_map(masks.rles, given[row]))
    (folder / FOLDER / name).write_bytes(encoded(Image.fromarray(colours)))
    columns = (given[row], selection.objects.category[row] + 1, masks.rles.area_px(), masks.rles.boxes_xywh())
    called = selection.names
    names = [{NAME: called[id]} if id in called else {} for id in masks.track.tolist()]
    segments = [
        {"id": number, "category_id": category, **name, "area": area, "bbox": box, "iscrowd": 0}
        for name, number, category, area, box in zip(names, *(column.tolist() for column in columns), strict=True)
    ]
    return {"image_id": frame.position + 1, "file_name": name, "segments_info": segments}


def _as_colours(pixels: Int64[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    return np.stack([pixels & 255, pixels >> 8 & 255, pixels >> 16], axis=2).astype(np.uint8)
