"""DAVIS: a PNG for every annotated frame, in which each value is an object and 0 is none."""

from pathlib import Path

import numpy as np

from overseg.annotations import id_maps
from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import folders_in_order, mask_files_in_order, only_folder
from overseg.annotations.objects import Objects
from overseg.annotations.png import VOID, masks_of_numbers, read_numbers, read_size

FOLDER = "Annotations"


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of PNGs, or one that holds only that of one video.

    Values are palette entries, grey values or colours. In maps of 8 bits, 255 stands for pixels of which nothing is
    known. Where the whole folder has no other value than 0 and 255, as in DAVIS 2016, 255 is the one object. A folder
    of maps for each depth is read as `id_maps` reads it.

    Raises:
        InputError: a file cannot be read, or has another size than the first.
    """
    if id_maps.depth_folders(source):
        return id_maps.read(source, size, video)
    folder = _video_folder(source, video)
    return _read_files(folder, mask_files_in_order(folder), size)


def read_file(source: Path, size: tuple[int, int] | None = None) -> Annotations:
    """Read one map alone, such as that of the first frame.

    Raises:
        InputError: it cannot be read, or has another size.
    """
    return _read_files(source, [source], size)


def _read_files(source: Path, files: list[Path], size: tuple[int, int] | None) -> Annotations:
    size = size or read_size(files[0])
    has_void = _has_void(files, size)

    def masks(row: int) -> PictureMasks:
        pixels = read_numbers(files[row], size)
        rles, ids = masks_of_numbers(pixels)
        if not has_void or pixels.dtype != np.uint8:
            return PictureMasks(rles, ids)
        is_void = ids == VOID
        void = rles.take(is_void.nonzero()[0]).union() if is_void.any() else None
        return PictureMasks(rles.take((~is_void).nonzero()[0]), ids[~is_void], void=void)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, size, pictures, masks, Objects(), name=source.stem)


def _video_folder(source: Path, video: str | None) -> Path:
    folder = source / FOLDER if (source / FOLDER).is_dir() else source
    if not folders_in_order(folder):
        return folder
    return folder / video if video and (folder / video).is_dir() else only_folder(folder)


def _has_void(files: list[Path], size: tuple[int, int]) -> bool:
    """Whether some pixel has another value than 0 and 255, so that 255 is no object. Reads only as far as it must."""
    for file in files:
        pixels = read_numbers(file, size)
        if ((pixels != 0) & (pixels != VOID)).any():
            return True
    return False
