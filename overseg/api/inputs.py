"""What can be an input: the videos and folders of images inside a folder."""

import os
from collections.abc import Callable
from pathlib import Path

from natsort import os_sorted

from overseg.errors import InputError
from overseg.store.folder import METADATA

VIDEO_FILES = frozenset(
    [
        ".3gp",
        ".asf",
        ".avi",
        ".flv",
        ".gif",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogv",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
"""Suffixes by which a file in a folder is taken for a video. A file that is named itself may have any."""


def find_inputs(folder: Path, *, remark: Callable[[str], None]) -> list[Path]:
    """The videos and folders of images in a folder and its subfolders, in natural order of their names.

    A folder of images is one that has images, and neither videos nor folders with inputs in them. Hidden files and
    folders, and stores, are passed over.

    Args:
        folder: where to look.
        remark: is told about images that are left out.

    Raises:
        InputError: the folder cannot be read.
    """
    return _inputs_in(folder, remark, frozenset())


def _inputs_in(folder: Path, remark: Callable[[str], None], above: frozenset[str]) -> list[Path]:
    from overseg.video.image_source import IMAGE_SUFFIXES

    real = os.path.realpath(folder)
    if real in above:  # a link to a folder that it is in
        return []
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as e:
        raise InputError(f"cannot read the folder {folder}: {e.strerror}; check the path and its permissions") from e
    if any(path.name == METADATA for path in paths):
        return []
    found: list[Path] = []
    for path in os_sorted(paths):
        if path.is_dir():
            found += _inputs_in(path, remark, above | {real})
        elif path.suffix.lower() in VIDEO_FILES:
            found.append(path)
    n_images = sum(path.suffix.lower() in IMAGE_SUFFIXES for path in paths)
    if n_images and not found:
        return [folder]
    if n_images:
        remark(f"{folder}: {n_images} images are left out, as there are videos or folders of images beside them")
    return found
