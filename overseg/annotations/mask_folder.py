"""A folder with the masks of each frame, in a file or folder whose name ends with a number."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overseg.annotations import npz, sam_json
from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.placing import number_at_end, plain_stems
from overseg.annotations.png import MASK_SUFFIXES, masks_of_numbers, read_mask, read_numbers, read_size
from overseg.data.rles import Rles
from overseg.errors import InputError

_KINDS = (
    "00000.png (a value or colour a mask), 00000/*.png (one mask each), 00000.json (COCO RLE) or 00000.npz (a stack)"
)


@dataclass(frozen=True)
class _Kind:
    """How the files of one kind are read, and how their size is found; None where there are no masks."""

    read: Callable[[Path, tuple[int, int]], PictureMasks]
    size: Callable[[Path], tuple[int, int] | None]


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read a folder of masks that were made frame by frame, from any tool; objects are not the same across frames.

    A picture has the name of a frame's image, or a name that ends with a number. It is one of

    - a PNG in which each grey value, palette entry or colour but black is one mask; or a JPEG, or a cut-out with alpha,
      which is one mask,
    - a folder of PNGs, one mask each, which may overlap,
    - JSON with COCO RLE, as SAM's automatic mask generator writes it,
    - an npz file with a stack of masks [n, height, width].

    Raises:
        InputError: the folder cannot be read, or holds no masks.
    """
    paths = mask_paths(source)
    size = size or next((size for size in map(masks_size, paths) if size is not None), None)
    if size is None:
        raise InputError(f"expected masks in {source}, got {len(paths)} frames without any")
    pictures = tuple(Picture(str(path), path.name) for path in paths)
    known = size
    return Annotations(source, known, pictures, lambda row: read_masks(paths[row], known), counts_from_zero=True)


def mask_paths(folder: Path) -> list[Path]:
    """The files and folders in a folder that hold the masks of a frame, by the number that their name ends with.

    Raises:
        InputError: the folder cannot be read, or holds no masks.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as e:
        raise InputError(f"expected a folder of masks at {folder}, cannot read one: {e.strerror}") from e
    known = [path for path in entries if path.is_dir() or path.suffix.lower() in _KIND_OF]
    stems = plain_stems([path.stem for path in known])
    numbers = {path: number_at_end(stem) for path, stem in zip(known, stems, strict=True)}
    paths = [path for path in numbers if numbers[path] is not None]
    if not paths:
        raise InputError(f"expected masks in {folder} named by frame, as {_KINDS}; got none")
    return sorted(paths, key=lambda path: numbers[path] or 0)


def read_masks(path: Path, size: tuple[int, int]) -> PictureMasks:
    """The masks of one frame of a known (height, width).

    Raises:
        InputError: the file is broken, or its masks are of another size.
    """
    return _kind(path).read(path, size)


def masks_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the masks of one frame; None where there are none.

    Raises:
        InputError: the file is broken.
    """
    return _kind(path).size(path)


def _kind(path: Path) -> _Kind:
    return _FOLDER if path.is_dir() else _KIND_OF[path.suffix.lower()]


def _read_map(path: Path, size: tuple[int, int]) -> PictureMasks:
    return PictureMasks(*masks_of_numbers(read_numbers(path, size, red_first=True)))


def _read_folder(folder: Path, size: tuple[int, int]) -> PictureMasks:
    parts = [read_mask(path, size) for path in _pngs(folder)]
    return PictureMasks(Rles.concatenate(size, parts), np.arange(len(parts), dtype=np.int64))


def _folder_size(folder: Path) -> tuple[int, int] | None:
    return next(map(read_size, _pngs(folder)), None)


def _pngs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in MASK_SUFFIXES)


_FOLDER = _Kind(_read_folder, _folder_size)
_KIND_OF = {
    **dict.fromkeys(MASK_SUFFIXES, _Kind(_read_map, read_size)),
    ".json": _Kind(sam_json.read_masks, sam_json.read_masks_size),
    ".npz": _Kind(npz.read_stack_masks, npz.read_stack_size),
}
