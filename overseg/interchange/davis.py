"""DAVIS: a PNG with a palette for every frame, each pixel an object's number, 0 none."""

from pathlib import Path

import numpy as np

from overseg.interchange.folders import files_in_order, folders_in_order, only_folder
from overseg.interchange.imported import Imported
from overseg.interchange.number_maps import number_map, read_maps
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.png import palette_png, read_size
from overseg.interchange.selection import Selection

FOLDER = "Annotations"
LARGEST = 254  # 255 stands for pixels that do not count
_VOID = 255


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


def read(source: Path) -> Imported:
    """Read a folder of PNGs, a frame each in the order of their names, or one that holds only that of one video.

    Values are palette entries or grey values, or colours; 255 of a palette, which does not count, is left out.

    Raises:
        InputError: a file cannot be read, or has another size than the first.
    """
    folder = source / FOLDER if (source / FOLDER).is_dir() else source
    if folders_in_order(folder):
        folder = only_folder(folder)
    files = files_in_order(folder, ".png")
    size = read_size(files[0])
    frames = read_maps(files, size, nothing=(0, _VOID))
    return Imported(size=size, n_frames=len(files), frames=frames, name=folder.name)
