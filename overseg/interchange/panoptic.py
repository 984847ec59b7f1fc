"""Panoptic COCO: `panoptic.json`, and a PNG for every frame whose colours are numbers of segments.

A segment's number, red + 256 green + 65536 blue, is that of its object on every frame, as video panoptic sets have it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from overseg.data.masks import TrackMasks
from overseg.errors import InputError
from overseg.interchange.imported import LARGEST_ID, Imported, imported_masks
from overseg.interchange.json_input import as_size, checked, within
from overseg.interchange.json_output import write_json
from overseg.interchange.json_stream import items
from overseg.interchange.names import NAME, Categories, NamesRead
from overseg.interchange.number_maps import masks_of_map, number_map
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.png import encoded, read_numbers
from overseg.interchange.selection import SelectedFrame, Selection
from overseg.output.colours import track_colours

FILE, FOLDER = "panoptic.json", "panoptic"
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


def read(source: Path) -> Imported:
    """Read the JSON file and the PNGs in the folder beside it that is called like it; segment numbers are objects.

    Raises:
        InputError: a file cannot be read, names a PNG outside of that folder, or has another size than the first.
    """
    folder = source.with_suffix("")
    files: list[Path] = []
    names, categories = NamesRead(), Categories(source)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            if Path(annotation["file_name"]).name != annotation["file_name"]:
                raise ValueError(f"file_name is {annotation['file_name']!r}, no name of a file in {folder}")
            files.append(folder / annotation["file_name"])
            for segment in annotation.get("segments_info") or []:
                id = int(within(segment["id"], 0, LARGEST_ID, otherwise=-1))
                place = f"{source}: annotations[{at}]"
                names.note(id, categories.of(segment), segment.get(NAME), place=place)
    image = next(items(source, "images.item"), None)
    if image is None or not files:
        raise InputError(f"expected images and annotations in {source}, found none")
    with checked(source, "images[0]"):
        size = as_size(image["height"], image["width"], source)
    frames = _frames(files, size)
    return Imported(size=size, n_frames=len(files), frames=frames, name=source.parent.name, names=names.found)


def _frames(files: list[Path], size: tuple[int, int]) -> Iterator[TrackMasks]:
    for file in files:
        yield imported_masks(*masks_of_map(read_numbers(file, size)))
