"""SA-V's validation form: a folder for each object, with a picture for each frame, not 0 where the object is."""

import re
from itertools import islice
from pathlib import Path

import numpy as np

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import (
    entries_in_order,
    folder_of_video,
    folders_in_order,
    has_pictures,
    mask_files_by_picture,
)
from overseg.annotations.objects import LARGEST_ID, Objects
from overseg.annotations.picture_names import number_at_end
from overseg.annotations.png import VOID, read_numbers, read_size
from overseg.data.rles import Rles
from overseg.errors import InputError

FOLDER = "Annotations"
_OBJECT, _FRAME = re.compile(r"\d{3}"), re.compile(r"\d{5}")


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the folder of a video, with a folder for each object, or one that holds only that.

    An object's number is what its folder's name ends with; other names get numbers of their own. An object is annotated
    on the frames that it has a file for.

    Raises:
        InputError: a file cannot be read, holds several objects or has another size, or two folders have one number.
    """
    folder, objects = _video_folder(source, video), Objects()
    places = _places(folder, objects)
    files = list(mask_files_by_picture(list(places.values())).values())
    first = [next(iter(of_places.values())) for of_places in files]
    size = size or read_size(first[0])

    def masks(row: int) -> PictureMasks:
        there = {id: files[row][place] for id, place in places.items() if place in files[row]}
        rles = Rles.concatenate(size, (_mask(path, size) for path in there.values()))
        return PictureMasks(rles, np.array(list(there), np.int64), annotated=tuple(there))

    pictures = (Picture(str(path), path.name) for path in first)
    return Annotations(source, size, tuple(pictures), masks, objects, name=folder.name, is_of_maps=True)


def _mask(path: Path, size: tuple[int, int]) -> Rles:
    """The pixels that are not 0; InputError where they are several objects."""
    pixels = read_numbers(path, size)
    values = np.unique(pixels[pixels != 0])
    if len(values) > 1 and VOID not in values:  # soft edges up to white are one mask
        raise InputError(
            f"expected one object in {path}, got the values {', '.join(map(str, values[:4].tolist()))}; folders with "
            "one object each are SA-V's form: of several videos in DAVIS's, give the folder of one"
        )
    return Rles.from_masks((pixels != 0)[None])


def _video_folder(source: Path, video: str | None) -> Path:
    """Where the folders of objects are: `source`, or the folder of the video below it."""
    if (source / FOLDER).is_dir():
        source = source / FOLDER
    folders = folders_in_order(source)
    if folders and not any(map(has_pictures, folders)):
        return folder_of_video(source, video)
    return source


def _places(folder: Path, objects: Objects) -> dict[int, Path]:
    """The folder of each object that has a file, by the object's number."""
    found = folders_in_order(folder)
    places: dict[int, Path] = {}
    for place in _with_masks(found) or found:
        end = number_at_end(place.name)
        is_number = end is not None and end <= LARGEST_ID
        id = objects.number(end if is_number and not place.name.isdecimal() else place.name)
        other = places.setdefault(id, place)
        if other != place:
            raise InputError(f"expected one folder for each object in {folder}, got {other.name} and {place.name}")
    return places


def _with_masks(folders: list[Path]) -> list[Path]:
    """The folders that have masks; one of JPEGs, without a number, is that of the pictures where others have PNGs."""
    some = [one for one in folders if has_pictures(one)]
    exact = [one for one in some if has_pictures(one, lossy=False)]
    return [one for one in some if one in exact or number_at_end(one.name) is not None] if exact else some


def is_layout(folder: Path) -> bool:
    """Whether a folder has objects as SA-V names them, with files of five digits in folders of three.

    A folder of masks has folders of frames, with a file for each mask.
    """
    folders = folders_in_order(folder)
    names = (path.stem for place in folders for path in islice(entries_in_order(place), 4))
    return (
        bool(folders)
        and all(map(_OBJECT.fullmatch, (one.name for one in folders)))
        and all(map(_FRAME.fullmatch, names))
    )
