"""DAVIS: a PNG for every annotated frame, in which each value is an object and 0 is none."""

from pathlib import Path

from overseg.annotations import id_maps
from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import folder_of_video, folders_in_order, has_pictures, mask_files_in_order
from overseg.annotations.png import read_numbers, read_size
from overseg.annotations.void import masks_of_map, void_of

FOLDER = "Annotations"


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of PNGs, or one that holds only that of one video; or one map.

    Values are palette entries, grey values or colours. In maps of 8 bits, 255 stands for pixels of which nothing is
    known. Where the whole folder has no other value than 0 and 255, as in DAVIS 2016, 255 is the one object. In maps of
    more bits, 10000 stands for them where the other values are as in KITTI MOTS. A folder of maps for each depth is
    read as `id_maps` reads it.

    Raises:
        InputError: a file cannot be read, or has another size than the first.
    """
    if source.is_file():
        return read_file(source, size)
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
    void = void_of(files, size)

    def masks(row: int) -> PictureMasks:
        return masks_of_map(read_numbers(files[row], size), void=void)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, size, pictures, masks, name=source.stem, is_of_maps=True)


def _video_folder(source: Path, video: str | None) -> Path:
    """The folder of a video's maps: `source`, or below it, as in `Annotations/480p/<video>`."""
    folder = source / FOLDER if (source / FOLDER).is_dir() else source
    while not has_pictures(folder) and folders_in_order(folder):
        folder = folder_of_video(folder, video)
    return folder
