"""DAVIS: a PNG for every annotated frame, in which each value is an object and 0 is none."""

from pathlib import Path

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import files_in_order, folders_in_order, only_folder
from overseg.annotations.objects import Objects
from overseg.annotations.png import VOID, masks_of_numbers, read_numbers, read_size

FOLDER = "Annotations"


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of PNGs, or one that holds only that of one video.

    Values are palette entries, grey values or colours. 255 stands for pixels of which nothing is known. Where the whole
    folder has no other value than 0 and 255, as in DAVIS 2016, 255 is the one object.

    Raises:
        InputError: a file cannot be read, or has another size than the first.
    """
    folder = _video_folder(source, video)
    files = files_in_order(folder, ".png")
    size = size or read_size(files[0])
    has_void = _has_void(files, size)

    def masks(row: int) -> PictureMasks:
        rles, ids = masks_of_numbers(read_numbers(files[row], size))
        if not has_void:
            return PictureMasks(rles, ids)
        is_void = ids == VOID
        void = rles.take(is_void.nonzero()[0]).union() if is_void.any() else None
        return PictureMasks(rles.take((~is_void).nonzero()[0]), ids[~is_void], void=void)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(folder, size, pictures, masks, Objects(), name=folder.name)


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
