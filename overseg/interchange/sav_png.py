"""SA-V's validation form: a folder for each object, with a PNG for each frame, 1 where the object is."""

from pathlib import Path

import numpy as np

from overseg.annotations.sav_png import FOLDER
from overseg.data.rles import Rles
from overseg.interchange.png import palette_png
from overseg.interchange.selection import Selection


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
