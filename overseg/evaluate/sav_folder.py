"""Ground truth as in the validation set of SA-V: a folder for each object, with a PNG for each annotated frame."""

from pathlib import Path

import numpy as np

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.png_files import png_files, read_numbers
from overseg.evaluate.truth import Truth


def read_sav_folder(folder: Path, names: FrameNames) -> Truth:
    """The objects of a folder with a folder of PNGs for each, not 0 on the object; they may overlap.

    An object is annotated on the frames that it has a PNG for.

    Raises:
        InputError: a file cannot be read, holds several objects, is of no frame or of another size, or none is left.
    """
    objects = sorted(path for path in folder.iterdir() if path.is_dir() and png_files(path))
    rows = [
        (frame, number, _mask(path, names))
        for number, one in enumerate(objects)
        for path in png_files(one)
        if (frame := names.find(path.name, where=str(path))) is not None
    ]
    if not rows:
        raise InputError(f"expected masks on the frames of the run in the folders of {folder}, found none")
    return Truth.from_rows([one.name for one in objects], rows, names.size)


def _mask(path: Path, names: FrameNames) -> bytes:
    numbers = read_numbers(path, names)
    values = np.unique(numbers[numbers != 0])
    if len(values) > 1:
        raise InputError(
            f"expected one object in {path}, got the values {', '.join(map(str, values[:4].tolist()))}; folders with "
            "one object each are SA-V's form: of several videos in DAVIS's, give the folder of one"
        )
    return Rles.from_masks((numbers != 0)[None]).counts[0]
