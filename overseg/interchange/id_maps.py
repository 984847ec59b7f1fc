"""16-bit maps for every level of the tree of tracks: `level_<k>/<picture>.png`, each pixel an object's number, 0 none.

Masks of one level may still overlap, small ones lie on top then, and what that costs is counted.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from overseg.data.label_map import paint, split
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.folders import files_in_order_of_all, folders_in_order
from overseg.interchange.imported import Imported, imported_masks
from overseg.interchange.number_maps import masks_of_map, number_map
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.png import encoded, read_numbers, read_size
from overseg.interchange.selection import Selection

_LARGEST = 2**16 - 1


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write a map for every frame and level that has objects."""
    objects = selection.objects
    given = numbers(selection, largest=_LARGEST)
    write_table(selection, given, folder)
    depth = selection.result.tree.depth[objects.track]
    height = np.empty(len(objects), np.int64)  # the order in which masks lie over each other
    height[np.argsort(-selection.result.tracks.mean_area_px[objects.track], kind="stable")] = np.arange(len(objects))
    places = {one: folder / f"level_{one}" for one in np.unique(depth).tolist()}
    for place in places.values():
        place.mkdir()
    for frame, picture in zip(selection, pictures, strict=True):
        row = np.searchsorted(objects.id, frame.masks.track)
        for one, place in places.items():
            here = np.flatnonzero(depth[row] == one)
            before = frame.masks.take(here)
            rles = split(paint(before.rles, np.argsort(height[row[here]], kind="stable")), len(before))
            selection.lose(before, rles)
            pixels = number_map(rles, given[row[here]]).astype(np.uint16)
            (place / f"{Path(picture).stem}.png").write_bytes(encoded(Image.fromarray(pixels)))


def read(source: Path) -> Imported:
    """Read the maps of all folders called `level_…`; a number is one object, whichever its level.

    Raises:
        InputError: there are none, or a map cannot be read or has another size than the first.
    """
    places = [place for place in folders_in_order(source) if place.name.startswith("level_")]
    if not places:
        raise InputError(f"expected folders called level_0, level_1 and so on in {source}, found none")
    names = files_in_order_of_all(places, ".png")
    size = read_size(next(place / names[0] for place in places if (place / names[0]).exists()))
    return Imported(size=size, n_frames=len(names), frames=_frames(places, names, size), name=source.name)


def _frames(places: list[Path], names: list[str], size: tuple[int, int]) -> Iterator[TrackMasks]:
    for name in names:
        maps = [masks_of_map(read_numbers(place / name, size)) for place in places if (place / name).exists()]
        rles = Rles.concatenate(size, (one for one, _ in maps))
        yield imported_masks(rles, np.concatenate([ids for _, ids in maps]))
