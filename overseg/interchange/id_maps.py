"""16-bit maps for every depth of the tree of tracks: `depth_<k>/<picture>.png`, each pixel an object's number, 0 none.

Masks of one depth may still overlap. Small ones then lie on top, and what that hides is counted.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.partitions import Partitions
from overseg.interchange.png import encoded, number_map
from overseg.interchange.selection import Selection

_LARGEST = 2**16 - 1


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write a map for every frame and depth that has objects.

    Where masks are laid over each other on request, each map is a full partition: the tracks down to its depth, small
    ones on top.
    """
    given, partitions = numbers(selection, largest=_LARGEST), Partitions(selection)
    write_table(selection, given, folder)
    places = {depth: folder / f"depth_{depth}" for depth in partitions.depths}
    for place in places.values():
        place.mkdir()
    for frame, picture in zip(selection, pictures, strict=True):
        for one in partitions.of(frame.masks):
            number = given[np.searchsorted(selection.objects.id, one.masks.track)]
            pixels = number_map(one.rles, number).astype(np.uint16)
            (places[one.depth] / f"{Path(picture).stem}.png").write_bytes(encoded(Image.fromarray(pixels)))
