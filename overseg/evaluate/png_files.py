"""Pictures whose values are numbers of objects."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from PIL import Image, UnidentifiedImageError

from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames

_NUMBER_MODES = ("1", "L", "P", "I", "I;16")


def read_numbers(path: Path, names: FrameNames) -> Shaped[np.ndarray, "h w"]:
    """The number at each pixel: the place in the palette, or the grey value.

    Raises:
        InputError: the file cannot be read, holds colours, or has another size than the store's frames.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in _NUMBER_MODES:
                raise InputError(
                    f"expected a PNG with a palette or grey values in {path}, got colours ({image.mode}); "
                    "save it with a palette, one entry for each object"
                )
            names.check_size(image.height, image.width, where=str(path))
            return np.asarray(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as e:
        raise InputError(f"expected a PNG in {path}, cannot read it ({' '.join(str(e).split())}); replace it") from e


def png_files(folder: Path) -> list[Path]:
    """The PNGs of a folder, by name.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png" and path.is_file())
    except OSError as e:
        raise InputError(f"cannot read the folder {folder}: {e.strerror}; check its permissions") from e
