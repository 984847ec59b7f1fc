"""Panoptic COCO: `panoptic.json`, and a PNG for every frame whose colours are numbers of segments.

A segment's number, red + 256 green + 65536 blue, is that of its object on every frame, as video panoptic sets have it.
"""

from pathlib import Path

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.json_stream import items
from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import NAME, Categories, Objects, as_object_number
from overseg.annotations.png import masks_of_numbers, read_numbers
from overseg.annotations.values import as_size, check_size, checked, tolerated
from overseg.errors import InputError

FILE = "panoptic.json"


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the JSON file and the PNGs in the folder beside it that has its name; segment numbers are objects.

    Raises:
        InputError: a file cannot be read, names a PNG outside of that folder, or has another size than the first.
    """
    folder = source.with_suffix("")
    files: list[Path] = []
    objects, left_out = Objects(), LeftOut()
    categories = Categories(source, left_out)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            if Path(annotation["file_name"]).name != annotation["file_name"]:
                raise ValueError(f"file_name is {annotation['file_name']!r}, no name of a file in {folder}")
            files.append(folder / annotation["file_name"])
            for row, segment in enumerate(annotation.get("segments_info") or []):
                with tolerated(source, f"annotations[{at}].segments_info[{row}]", left_out):
                    objects.note(as_object_number(segment["id"]), categories.of(segment), segment.get(NAME))
    size = _size(source, size, has_files=bool(files))

    def masks(row: int) -> PictureMasks:
        return PictureMasks(*masks_of_numbers(read_numbers(files[row], size)))

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, size, pictures, masks, objects, left_out, name=source.parent.name, is_of_maps=True)


def _size(source: Path, expected: tuple[int, int] | None, *, has_files: bool) -> tuple[int, int]:
    image = next(items(source, "images.item"), None)
    if image is None or not has_files:
        raise InputError(f"expected images and annotations in {source}, found none")
    with checked(source, "images[0]"):
        size = as_size(image["height"], image["width"], source)
    if expected:
        check_size(size, expected, source)
    return size
