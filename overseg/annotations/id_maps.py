"""16-bit maps for every depth of the tree of tracks: `depth_<k>/<picture>.png`, each pixel an object's number."""

import re
from pathlib import Path

import numpy as np

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import folders_in_order, has_pictures, mask_files_by_picture
from overseg.annotations.png import masks_of_numbers, read_numbers, read_size
from overseg.data.rles import Rles
from overseg.errors import InputError

_DEPTH = re.compile(r"(depth|level)_.*")  # earlier exports call a depth a level


def depth_folders(folder: Path) -> list[Path]:
    """The folders of maps in a folder, the roots' first."""
    return [place for place in folders_in_order(folder) if _DEPTH.fullmatch(place.name)]


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the maps of all depths, or one folder of maps; a number is one object, whichever its depth.

    Raises:
        InputError: there are none, or a map cannot be read or has another size than the first.
    """
    places = depth_folders(source) or [source]
    if places == [source] and not has_pictures(source):
        raise InputError(f"expected folders called depth_0, depth_1 and so on in {source}, or PNGs, found neither")
    files = [tuple(of_places.values()) for of_places in mask_files_by_picture(places).values()]
    size = size or read_size(files[0][0])

    def masks(row: int) -> PictureMasks:
        maps = [masks_of_numbers(read_numbers(path, size)) for path in files[row]]
        return PictureMasks(Rles.concatenate(size, (one for one, _ in maps)), np.concatenate([ids for _, ids in maps]))

    pictures = tuple(Picture(str(paths[0]), paths[0].name) for paths in files)
    return Annotations(source, size, pictures, masks, name=source.name, is_of_maps=True)
