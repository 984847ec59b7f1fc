"""Which format a file or folder has, where nobody says."""

import re
from itertools import islice
from pathlib import Path

from overseg.annotations import (
    coco,
    cvat,
    davis,
    id_maps,
    label_studio,
    label_studio_regions,
    labelme,
    mask_folder,
    mot,
    mots,
    npz,
    panoptic,
    sav_json,
    sav_png,
    via,
    yolo,
    yolo_layout,
    youtube_vis,
)
from overseg.annotations.annotations import Annotations
from overseg.annotations.folders import entries_in_order, files_with, folders_in_order, has_pictures
from overseg.annotations.json_stream import first_value, items, top_level_keys
from overseg.annotations.mot_challenge import INFO, read_info, read_lines
from overseg.annotations.picture_folders import of_one_folder
from overseg.annotations.png import MASK_SUFFIXES
from overseg.annotations.values import SizeUnknownError
from overseg.errors import InputError

_OF_PICTURES = ("images", "JPEGImages", "img1")  # folders of the pictures themselves, beside annotations
_RESOLUTION = re.compile(r"\d+p|Full-Resolution")  # of DAVIS's folders of videos
_FORMS = (
    "PNGs with an object for each value (DAVIS), a folder of PNGs for each object (SA-V), JSON of SA-V, COCO with "
    "track ids, YouTube-VIS, LabelMe, Label Studio or VIA, or XML of CVAT"
)


def read_frames(path: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """The masks of each picture at a path, in any format, with or without object ids.

    Args:
        path: a folder of masks as `mask_folder` reads it, or anything that `read_any` reads.
        size, video: as in `read_any`.

    Raises:
        InputError: there is nothing, it has no known form, or it cannot be read.
    """
    if not path.exists():
        raise InputError(f"expected a folder of masks, or a file of annotations, at {path}; check the path")
    if is_mask_folder(path):
        return mask_folder.read(path, size)
    return read_any(path, size, video, needs_tracks=False)


def is_mask_folder(path: Path) -> bool:
    """Whether a folder has a file or folder of masks for each frame, rather than the files of a data set."""
    if not path.is_dir() or _has_form_of_export(path):
        return False
    try:
        paths = mask_folder.mask_paths(path)
    except InputError:
        return not _is_data_set(path)
    return not any(map(_is_data_set_file, islice((one for one in paths if one.suffix.lower() == ".json"), 2)))


def _is_data_set(path: Path) -> bool:
    """Whether a folder that has no masks named by frame may hold something else that can be read."""
    return any(one.is_dir() or one.suffix.lower() in (".json", ".xml") for one in entries_in_order(path))


def _is_data_set_file(path: Path) -> bool:
    keys = top_level_keys(path)
    of_all_pictures = "annotations" in keys and bool({"images", "videos"} & keys)
    return "shapes" in keys or "masklet" in keys or of_all_pictures or _is_via(path, keys)


def _has_form_of_export(path: Path) -> bool:
    if sav_png.is_layout(path) or _is_of_videos(path):
        return True
    has_info = (path / INFO).is_file() or any((folder / INFO).is_file() for folder in folders_in_order(path))
    known = (path / panoptic.FILE).is_file() or has_info or yolo_layout.is_data_set(path)
    return known or bool(id_maps.depth_folders(path))


def _is_of_videos(path: Path) -> bool:
    """Whether a folder is called as data sets call that of the folders of videos, and has no maps of its own."""
    is_called_so = path.name.startswith(davis.FOLDER) or _RESOLUTION.fullmatch(path.name) is not None
    return is_called_so and not has_pictures(path)


def read_in_size(
    path: Path, sizes: tuple[tuple[int, int], ...], video: str | None, *, needs_tracks: bool = True
) -> Annotations:
    """The same as `read_any`, of masks that have one of several sizes.

    Args:
        path: the file or folder.
        sizes: each (height, width) that all masks may have. Where the source states none, they have the first.
        video, needs_tracks: as in `read_any`.

    Raises:
        InputError: as there; the source has another size, which some formats show only when a picture is read.
    """
    try:
        annotations = read_any(path, None, video, needs_tracks=needs_tracks)
    except SizeUnknownError:
        return read_any(path, sizes[0], video, needs_tracks=needs_tracks)
    if annotations.size in sizes:
        return annotations
    return read_any(path, sizes[0], video, needs_tracks=needs_tracks)  # its line names the mask of another size


def read_any(path: Path, size: tuple[int, int] | None, video: str | None, *, needs_tracks: bool = True) -> Annotations:
    """The annotations at a path, whose form shows which format they have.

    - a folder with PNGs, or with JPEGs of masks: DAVIS
    - a folder with folders of PNGs: SA-V's validation form; or, of several videos, the folder called `video`
    - a folder of a data set, of which the only folder counts, or the one called `Annotations`, `Annotations_6fps` or so
    - a folder in the form of an export: id maps, stacks, LabelMe, YOLO, MOTS, panoptic COCO
    - a file, or the only one in a folder, that ends with .json: SA-V, COCO, YouTube-VIS, Label Studio
    - a file that ends with .csv, and a JSON file of VIA
    - a file that ends with .xml: CVAT; with .txt: KITTI MOTS; with .yaml: the description of a data set of YOLO

    Args:
        path: the file or folder.
        size: (height, width) that masks must have; None for what the source states.
        video: what the video is called, without suffix; None where that is not known.
        needs_tracks: refuse masks of which the file does not say which are of one object.

    Raises:
        InputError: there is nothing, it has no such form, or it cannot be read.
    """
    if path.is_file():
        return of_one_folder(_read_file(path, size, video, needs_tracks=needs_tracks), video)
    if not path.is_dir():
        raise InputError(f"expected masks of objects at {path}, found nothing; give {_FORMS}")
    if _has(path, *MASK_SUFFIXES) and not _has(path, ".json", ".xml", ".txt"):
        return davis.read(path, size, video)
    if video and (path / video).is_dir():
        return read_any(path / video, size, video, needs_tracks=needs_tracks)
    return _read_folder(path, size, video, needs_tracks=needs_tracks)


def _read_folder(path: Path, size: tuple[int, int] | None, video: str | None, *, needs_tracks: bool) -> Annotations:
    """A folder without PNGs of its own, or with JSON files beside pictures."""
    folders = folders_in_order(path)
    folders = [folder for folder in folders if folder.name not in _OF_PICTURES] or folders
    if id_maps.depth_folders(path):
        return id_maps.read(path, size)
    if (path / panoptic.FILE).is_file():
        return panoptic.read(path / panoptic.FILE, size)
    if (path / INFO).is_file() or any((folder / INFO).is_file() for folder in folders):
        return _read_lines(path, size, video)
    if yolo_layout.is_data_set(path):
        return yolo.read(path, size)
    files = [file for suffix in (".json", ".xml") for file in files_with(path, suffix)]
    if len(files) == 1 and not _is_labelme(files[0]):
        return read_any(files[0], size, video, needs_tracks=needs_tracks)
    if files and all(map(_is_labelme, islice(files, 2))):
        return labelme.read(path, size)
    if any(map(has_pictures, folders)):
        reader = davis if _is_of_videos(path) and not sav_png.is_layout(path) else sav_png
        return reader.read(path, size, video)
    if _has(path, ".npz"):
        return npz.read(path, size)
    roots = [folder for folder in folders if folder.name.startswith(davis.FOLDER)] or folders
    if len(roots) == 1 and not files:
        return read_any(roots[0], size, video, needs_tracks=needs_tracks)
    if _has(path, *MASK_SUFFIXES):
        return davis.read(path, size, video)
    found = f"{len(files)} JSON files: give one of them" if files else f"neither PNGs nor JSON; expected {_FORMS}"
    raise InputError(f"the folder {path} holds {found}")


def _read_lines(path: Path, size: tuple[int, int] | None, video: str | None) -> Annotations:
    """Lines of MOTChallenge, which have commas, or of MOTS."""
    first = next(iter(read_lines(read_info(path, video).path)), "")
    return mot.read(path, size, video) if "," in first else mots.read(path, size, video)


def _read_file(path: Path, size: tuple[int, int] | None, video: str | None, *, needs_tracks: bool) -> Annotations:
    if path.suffix.lower() == ".xml":
        return cvat.read(path, size, video)
    if path.suffix.lower() == ".txt":
        is_of_boxes = "," in next(iter(read_lines(path)), "")
        return mot.read(path, size) if is_of_boxes else mots.read(path, size)
    if path.suffix.lower() in (".yaml", ".yml"):
        return yolo.read(path, size)
    if path.suffix.lower() in MASK_SUFFIXES:
        return davis.read_file(path, size)
    if path.suffix.lower() == ".csv":
        return via.read(path, size)
    keys = top_level_keys(path)
    if "masklet" in keys:
        return sav_json.read(path, size)
    if {"images", "annotations"} <= keys and _is_panoptic(path):
        return panoptic.read(path, size)
    if {"images", "annotations"} <= keys:
        return coco.read(path, size, video, needs_tracks=needs_tracks)
    if {"videos", "annotations"} <= keys:
        return youtube_vis.read(path, size, video)
    first = None if keys else next(items(path, "item"), None)
    if isinstance(first, dict) and "segmentations" in first:
        return youtube_vis.read(path, size, video)
    if isinstance(first, dict) and "image_id" in first:
        return coco.read(path, size, video, needs_tracks=needs_tracks)
    if isinstance(first, dict) and ("data" in first or label_studio_regions.is_min(first)):
        return label_studio.read(path, size, video)
    if "shapes" in keys:
        return labelme.read_file(path, size)
    if _is_via(path, keys):
        return via.read(path, size)
    raise InputError(
        f'expected the keys "masklet" (SA-V), "images" and "annotations" (COCO) or "videos" and "annotations" '
        f"(YouTube-VIS) in {path}, got {', '.join(sorted(keys)) or 'none'}"
    )


def _is_via(path: Path, keys: frozenset[str]) -> bool:
    """Whether a JSON file is a project of VIA, or its annotations, which have an entry for each picture."""
    return via.is_via(keys, first_value(path) if keys and not {"annotations", "shapes"} & keys else None)


def _is_panoptic(path: Path) -> bool:
    first = next(items(path, "annotations.item"), None)
    return isinstance(first, dict) and "segments_info" in first


def _is_labelme(path: Path) -> bool:
    return path.suffix.lower() == ".json" and "shapes" in top_level_keys(path)


def _has(folder: Path, *suffixes: str) -> bool:
    return any(path.suffix.lower() in suffixes and path.is_file() for path in entries_in_order(folder))
