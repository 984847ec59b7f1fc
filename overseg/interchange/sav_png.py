"""SA-V's validation form: a folder for each object, with a PNG for each frame, 1 where the object is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.folders import files_in_order_of_all, folders_in_order, number_in, only_folder
from overseg.interchange.imported import LARGEST_ID, Imported, imported_masks
from overseg.interchange.png import palette_png, read_numbers, read_size
from overseg.interchange.selection import Selection

FOLDER = "Annotations"


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `Annotations/<video>/<object>/<frame>.png`, for every object and frame; 0 everywhere where it is not."""
    video = folder / FOLDER / selection.name
    video.mkdir(parents=True)
    places = {id: video / f"{id + 1:03}" for id in selection.objects.id.tolist()}
    for place in places.values():
        place.mkdir()
    nowhere = palette_png(np.zeros(selection.size, np.uint8))
    for frame, picture in zip(selection, pictures, strict=True):
        name = f"{Path(picture).stem}.png"
        row_of = {id: row for row, id in enumerate(frame.masks.track.tolist())}
        for id, place in places.items():
            (place / name).write_bytes(_png(frame.masks.rles, row_of[id]) if id in row_of else nowhere)


def _png(rles: Rles, row: int) -> bytes:
    return palette_png(rles.take([row]).to_masks()[0].view(np.uint8))


def read(source: Path) -> Imported:
    """Read the folder of a video, with a folder for each object, or one that holds only that.

    An object's number is what its folder's name ends with; a frame without a file has no mask of it.

    Raises:
        InputError: a file cannot be read or has another size, or a folder's name has no number.
    """
    video = _video_folder(source)
    objects = {_number(place): place for place in folders_in_order(video)}
    frames = files_in_order_of_all(list(objects.values()), ".png")
    size = read_size(next(place / frames[0] for place in objects.values() if (place / frames[0]).exists()))
    return Imported(size=size, n_frames=len(frames), frames=_masks(objects, frames, size), name=video.name)


def _masks(objects: dict[int, Path], frames: list[str], size: tuple[int, int]) -> Iterator[TrackMasks]:
    for name in frames:
        there = {id: place / name for id, place in objects.items() if (place / name).exists()}
        parts = [Rles.from_masks((read_numbers(path, size) != 0)[None]) for path in there.values()]
        yield imported_masks(Rles.concatenate(size, parts), np.array(list(there), np.int64))


def _video_folder(source: Path) -> Path:
    """Where the folders of objects are: `source`, or the folder of the one video below it."""
    if (source / FOLDER).is_dir():
        source = source / FOLDER
    folders = folders_in_order(source)
    if folders and not any(path.suffix.lower() == ".png" for path in folders[0].iterdir()):
        return only_folder(source)
    return source


def _number(place: Path) -> int:
    number = number_in(place.name)
    if number is None or number > LARGEST_ID:
        raise InputError(f"expected a folder for each object, called by its number, got {place}")
    return number
