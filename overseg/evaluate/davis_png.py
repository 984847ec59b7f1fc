"""Ground truth as in DAVIS: a PNG for each frame, in which each value is an object."""

from pathlib import Path

import numpy as np

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.png_files import png_files, read_numbers
from overseg.evaluate.truth import Truth, no_mask

_VOID = 255


def read_davis(folder: Path, names: FrameNames) -> Truth:
    """The objects of a folder of PNGs with a palette or grey values, 0 for none; all are annotated on every PNG.

    255 stands for pixels of which nothing is known. Where the whole folder has no other value than 0 and 255, as in
    DAVIS 2016, 255 is the one object.

    Raises:
        InputError: a file cannot be read, is of no frame or of another size, or there is no object.
    """
    seen: dict[int, dict[int, bytes]] = {}
    for path in png_files(folder):
        frame = names.find(path.name, where=str(path))
        if frame is not None:
            seen[frame] = _values(path, names)
    objects = sorted({value for values in seen.values() for value in values if value != _VOID})
    void = {frame: Rles(names.size, (values[_VOID],)) for frame, values in seen.items() if _VOID in values}
    if not objects and void:
        objects, void = [_VOID], {}
    if not objects:
        raise InputError(f"expected values other than 0 in the PNGs of {folder} on the frames of the run, found none")
    nowhere = no_mask(names.size)
    rows = (
        (frame, number, values.get(value, nowhere))
        for frame, values in seen.items()
        for number, value in enumerate(objects)
    )
    return Truth.from_rows(map(str, objects), rows, names.size, void)


def _values(path: Path, names: FrameNames) -> dict[int, bytes]:
    """The mask of each value but 0."""
    numbers = read_numbers(path, names)
    return {
        value: Rles.from_masks((numbers == value)[None]).counts[0] for value in np.unique(numbers).tolist() if value
    }
