"""16-bit maps for every depth of the tree of tracks: `depth_<k>/<picture>.png`, each pixel an object's number, 0 none.

Masks of one depth may still overlap. Small ones then lie on top, and what that hides is counted.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from overseg.data.label_map import paint, split
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.png import encoded, number_map
from overseg.interchange.selection import Selection

_LARGEST = 2**16 - 1


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write a map for every frame and depth that has objects.

    Where masks are laid over each other on request, each map is a full partition: the tracks down to its depth, small
    ones on top.
    """
    objects = selection.objects
    given = numbers(selection, largest=_LARGEST)
    write_table(selection, given, folder)
    depth = selection.result.tree.depth[objects.track]
    height = np.empty(len(objects), np.int64)  # the order in which masks lie over each other
    height[np.argsort(-selection.result.tracks.mean_area_px[objects.track], kind="stable")] = np.arange(len(objects))
    places = {one: folder / f"depth_{one}" for one in np.unique(depth).tolist()}
    for place in places.values():
        place.mkdir()
    for frame, picture in zip(selection, pictures, strict=True):
        row = np.searchsorted(objects.id, frame.masks.track)
        for one, place in places.items():
            here = np.flatnonzero(depth[row] <= one if selection.is_flat else depth[row] == one)
            before = frame.masks.take(here)
            rles = split(paint(before.rles, np.argsort(height[row[here]], kind="stable")), len(before))
            if not selection.is_flat or one == max(places):
                selection.lose(before, rles)
            pixels = number_map(rles, given[row[here]]).astype(np.uint16)
            (place / f"{Path(picture).stem}.png").write_bytes(encoded(Image.fromarray(pixels)))
