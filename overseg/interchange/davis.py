"""DAVIS: a PNG with a palette for every frame, each pixel an object's number, 0 none."""

from pathlib import Path

import numpy as np

from overseg.annotations.davis import FOLDER
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.png import number_map, palette_png
from overseg.interchange.selection import Selection

LARGEST = 254  # 255 stands for void


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `Annotations/<video>/<frame>.png`."""
    given = numbers(selection, largest=LARGEST)
    write_table(selection, given, folder)
    video = folder / FOLDER / selection.name
    video.mkdir(parents=True)
    for frame, picture in zip(selection, pictures, strict=True):
        row = np.searchsorted(selection.objects.id, frame.masks.track)
        png = palette_png(number_map(frame.masks.rles, given[row]))
        (video / f"{Path(picture).stem}.png").write_bytes(png)
