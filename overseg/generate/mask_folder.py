"""A folder with the masks of each frame, in a file or folder whose name ends with the number of the frame."""

import re
from collections.abc import Callable
from pathlib import Path

from overseg.data.masks import KeyframeMasks
from overseg.errors import InputError
from overseg.generate.mask_files import (
    coco_size,
    id_map_size,
    png_folder_size,
    read_coco,
    read_id_map,
    read_png_folder,
    read_stack,
    stack_size,
)

_MAX_FRAMES = 10**8  # a month and a half at 25 a second
_Reader = Callable[[Path, tuple[int, int]], KeyframeMasks]
_Measure = Callable[[Path], tuple[int, int] | None]
_FILES: dict[str, tuple[_Reader, _Measure]] = {
    ".png": (read_id_map, id_map_size),
    ".json": (read_coco, coco_size),
    ".npz": (read_stack, stack_size),
}
_KINDS = (
    "00000.png (a value or colour a mask), 00000/*.png (one mask each), 00000.json (COCO RLE) or 00000.npz (a stack)"
)


def paths_by_frame(folder: Path) -> dict[int, Path]:
    """The files and folders in a folder that hold masks of a frame, by the number that their name ends with.

    Raises:
        InputError: the folder cannot be read, holds no masks, or holds two files for one frame.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as e:
        raise InputError(f"expected a folder of masks at {folder}, cannot read one: {e.strerror}") from e
    paths: dict[int, Path] = {}
    for path in entries:
        number = re.search(r"\d+$", path.stem)
        if number is None or not (path.is_dir() or path.suffix.lower() in _FILES):
            continue
        if int(number[0]) >= _MAX_FRAMES:
            raise InputError(f"expected files named by frame in {folder}, got {path.name}: no video is that long")
        other = paths.setdefault(int(number[0]), path)
        if other != path:
            raise InputError(
                f"expected one file a frame in {folder}, got {other.name} and {path.name}; remove one of them"
            )
    if not paths:
        raise InputError(f"expected masks in {folder} named by frame, as {_KINDS}; got none")
    return paths


def read_masks(path: Path, size: tuple[int, int]) -> KeyframeMasks:
    """The masks of one frame of a known (height, width).

    Raises:
        InputError: the file is broken, or its masks are of another size.
    """
    read = read_png_folder if path.is_dir() else _FILES[path.suffix.lower()][0]
    return read(path, size)


def masks_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the masks of one frame; None where there are none that would tell.

    Raises:
        InputError: the file is broken.
    """
    measure = png_folder_size if path.is_dir() else _FILES[path.suffix.lower()][1]
    return measure(path)
