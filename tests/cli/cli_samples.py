"""Small pictures and videos to run on."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 64)
NO_WEIGHTS = ("--preset", "no-weights", "--quiet")


def picture(number: int = 0, *, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A bright square with a dark one in it, a little further to the right with each number; uint8 [h, w, 3]."""
    rgb = np.full((*size, 3), 50, np.uint8)
    rgb[10:34, 10 + number : 34 + number] = 200
    rgb[16:28, 16 + number : 28 + number] = 90
    return rgb


def write_folder(folder: Path, n: int, *, size: tuple[int, int] = SIZE) -> Path:
    """A folder of n pictures, 1.png and so on."""
    folder.mkdir()
    for number in range(n):
        Image.fromarray(picture(number, size=size)).save(folder / f"{number + 1}.png")
    return folder
