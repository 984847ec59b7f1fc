"""Which format a file or folder has, where nobody says."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from overseg.annotations import (
    coco,
    cvat,
    davis,
    id_maps,
    label_studio,
    labelme,
    mots,
    npz,
    panoptic,
    sav_json,
    sav_png,
    yolo,
    youtube_vis,
)
from overseg.annotations.annotations import Annotations
from overseg.annotations.json_stream import items, top_level_keys
from overseg.annotations.mot_challenge import INFO
from overseg.errors import InputError

_FORMS = (
    "PNGs with an object for each value (DAVIS), a folder of PNGs for each object (SA-V), JSON of SA-V, COCO with "
    "track ids, YouTube-VIS, LabelMe or Label Studio, or XML of CVAT"
)


def read_any(path: Path, size: tuple[int, int], video: str) -> Annotations:
    """The annotations at a path, whose form shows which format they have.

    - a folder with PNGs: DAVIS
    - a folder with folders of PNGs: SA-V's validation form; or, of several videos, the folder called `video`
    - a folder of a data set, of which the only folder counts, or the one called `Annotations`, `Annotations_6fps` or so
    - a folder in the form of an export: id maps, stacks, LabelMe, YOLO, MOTS, panoptic COCO
    - a file, or the only one in a folder, that ends with .json: SA-V, COCO, YouTube-VIS, Label Studio
    - a file that ends with .xml: CVAT; with .txt: KITTI MOTS

    Args:
        path: the file or folder.
        size: (height, width) that masks must have.
        video: what the video is called, without suffix.

    Raises:
        InputError: there is nothing, it has no such form, or it cannot be read.
    """
    if path.is_file():
        return _read_file(path, size, video)
    if not path.is_dir():
        raise InputError(f"expected ground truth at --gt {path}, found nothing; give {_FORMS}")
    if _has(path, ".png"):
        return davis.read(path, size, video)
    if (path / video).is_dir():
        return read_any(path / video, size, video)
    return _read_folder(path, size, video)


def _read_folder(path: Path, size: tuple[int, int], video: str) -> Annotations:
    """A folder without PNGs of its own."""
    folders = _folders(path)
    if id_maps.depth_folders(path):
        return id_maps.read(path, size)
    if (path / panoptic.FILE).is_file():
        return panoptic.read(path / panoptic.FILE, size)
    if (path / yolo.LABELS).is_dir():
        return yolo.read(path, size)
    if (path / INFO).is_file() or any((folder / INFO).is_file() for folder in folders):
        return mots.read(path, size)
    if any(_has(folder, ".png") for folder in folders):
        return sav_png.read(path, size)
    if _has(path, ".npz"):
        return npz.read(path, size)
    files = [file for suffix in (".json", ".xml") for file in sorted(path.glob(f"*{suffix}"))]
    roots = [folder for folder in folders if folder.name.startswith("Annotations")] or folders
    if len(roots) == 1 and not files:
        return read_any(roots[0], size, video)
    if len(files) == 1 and not _is_labelme(files[0]):
        return _read_file(files[0], size, video)
    if files and all(map(_is_labelme, islice(files, 2))):
        return labelme.read(path, size)
    found = f"{len(files)} JSON files: give one of them" if files else f"neither PNGs nor JSON; expected {_FORMS}"
    raise InputError(f"the folder --gt {path} holds {found}")


def _read_file(path: Path, size: tuple[int, int], video: str) -> Annotations:
    if path.suffix.lower() == ".xml":
        return cvat.read(path, size)
    if path.suffix.lower() == ".txt":
        return mots.read(path, size)
    keys = top_level_keys(path)
    if "masklet" in keys:
        return sav_json.read(path, size)
    if {"images", "annotations"} <= keys:
        return coco.read(path, size, video)
    if {"videos", "annotations"} <= keys:
        return youtube_vis.read(path, size, video)
    if not keys and isinstance(task := next(items(path, "item"), None), dict) and "data" in task:
        return label_studio.read(path, size)
    raise InputError(
        f'expected the keys "masklet" (SA-V), "images" and "annotations" (COCO) or "videos" and "annotations" '
        f"(YouTube-VIS) in {path}, got {', '.join(sorted(keys)) or 'none'}"
    )


def _is_labelme(path: Path) -> bool:
    return path.suffix.lower() == ".json" and "shapes" in top_level_keys(path)


def _has(folder: Path, suffix: str) -> bool:
    return any(path.suffix.lower() == suffix and path.is_file() for path in _entries(folder))


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError as e:
        raise InputError(f"cannot read the folder {folder}: {e.strerror}; check its permissions") from e
