"""A folder with the masks of each frame, in a file or folder that is named by frame."""

from functools import cache
from pathlib import Path

import numpy as np

from overseg.annotations import npz, sam_json
from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import entries_in_order, without_pictures_beside
from overseg.annotations.left_out import LeftOut
from overseg.annotations.picture_names import number_at_end, plain_stems
from overseg.annotations.png import MASK_SUFFIXES, read_mask, read_numbers, read_size
from overseg.annotations.values import SizeUnknownError
from overseg.annotations.void import masks_of_map, void_of
from overseg.data.rles import Rles
from overseg.errors import InputError

_JSON, _STACK = ".json", ".npz"
_SUFFIXES = (*MASK_SUFFIXES, _JSON, _STACK)
_KINDS = (
    "00000.png (a value or colour a mask), 00000/*.png (one mask each), 00000.json (COCO RLE) or 00000.npz (a stack)"
)


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of masks that were made frame by frame, from any tool; objects are not the same across frames.

    A picture has the name of a frame's image, or a name that ends with a number. It is one of

    - a PNG in which each grey value, palette entry or colour but black is one mask, and 255 is as `davis` reads it; or
      a JPEG, or a cut-out with alpha, which is one mask,
    - a folder of PNGs, one mask each, which may overlap,
    - JSON with COCO RLE, as SAM's automatic mask generator writes it,
    - an npz file with a stack of masks [n, height, width].

    Raises:
        SizeUnknownError: no file states a size of masks.
        InputError: the folder cannot be read, or holds no masks.
    """
    paths, left_out = mask_paths(source), LeftOut()
    for _ in _without_number(source, set(paths)):
        left_out.add("file{s} without the number of a frame in the name")
    known = size or next((size for size in map(_size, paths) if size is not None), None)
    if known is None:
        raise SizeUnknownError(f"expected masks in {source}, got {len(paths)} frames without any")

    @cache
    def void() -> int | None:
        return void_of([path for path in paths if _is_map(path)], known)

    def masks(row: int) -> PictureMasks:
        path = paths[row]
        if _is_map(path):
            return masks_of_map(read_numbers(path, known, red_first=True), void=void())
        if path.is_dir():
            rles = Rles.concatenate(known, [read_mask(picture, known) for picture in _pictures(path)])
            return PictureMasks(rles, np.arange(len(rles), dtype=np.int64))
        return (npz.read_stack_masks if path.suffix.lower() == _STACK else sam_json.read_masks)(path, known, left_out)

    pictures = tuple(Picture(str(path), path.name) for path in paths)
    is_of_maps = any(path.is_dir() or _is_map(path) for path in paths)
    return Annotations(source, known, pictures, masks, left_out=left_out, counts_from_zero=True, is_of_maps=is_of_maps)


def mask_paths(folder: Path) -> list[Path]:
    """The files and folders in a folder that hold the masks of a frame, in natural order of their names.

    Their names end with a number. Where none does, all pictures count, which may have the names of images.

    Raises:
        InputError: the folder cannot be read, or holds no masks.
    """
    known = _known(folder)
    stems = plain_stems([path.stem for path in known])
    paths = [path for path, stem in zip(known, stems, strict=True) if number_at_end(stem) is not None]
    paths = paths or list(filter(_is_map, known))
    if not paths:
        raise InputError(f"expected masks in {folder} named by frame, as {_KINDS}; got none")
    return paths


def _known(folder: Path) -> list[Path]:
    known = [path for path in entries_in_order(folder) if path.is_dir() or path.suffix.lower() in _SUFFIXES]
    return without_pictures_beside(known)


def _without_number(folder: Path, paths: set[Path]) -> list[Path]:
    """The pictures and stacks that are not among `paths`; folders and JSON may hold anything."""
    return [path for path in _known(folder) if path not in paths and (_is_map(path) or path.suffix.lower() == _STACK)]


def _is_map(path: Path) -> bool:
    return path.suffix.lower() in MASK_SUFFIXES and not path.is_dir()


def _pictures(folder: Path) -> list[Path]:
    return list(filter(_is_map, entries_in_order(folder)))


def _size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the masks of one frame; None where there are none, or they do not say."""
    if path.is_dir():
        return next(map(read_size, _pictures(path)), None)
    if _is_map(path):
        return read_size(path)
    return npz.read_stack_size(path) if path.suffix.lower() == _STACK else sam_json.read_masks_size(path)
