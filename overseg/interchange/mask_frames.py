"""Masks that were found on each frame by itself, in any of the forms in which tools write them."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.mask_folder import masks_size, paths_by_frame, read_masks
from overseg.interchange.coco import FILE as COCO_FILE
from overseg.interchange.coco import read_images
from overseg.interchange.json_input import as_counts, as_id, checked, within
from overseg.interchange.json_stream import items

_MOST_MISSING, _MOST_WITHOUT_MASKS = 100, 10_000  # frames without a file, for each that has one, and besides


@dataclass(frozen=True)
class MaskFrames:
    """The masks of each frame of a video, read as they are asked for.

    Attributes:
        size: (height, width) of every mask, in pixels.
        n_frames: number of frames; those without a file have no masks.
        read: the masks of a frame, by its number, none of them empty.
    """

    size: tuple[int, int]
    n_frames: int
    read: Callable[[int], KeyframeMasks]


def open_mask_frames(source: Path) -> MaskFrames:
    """Masks out of a folder with a file or folder a frame, or out of one COCO file.

    In a folder, a name ends with the number of its frame. It may be a PNG in which each value or colour but black is
    one mask, a folder of PNGs, one mask each, JSON with COCO RLE, or an npz file with a stack [n, height, width].

    Raises:
        InputError: there are no masks, or they cannot be read.
    """
    if source.is_dir() and (source / COCO_FILE).is_file():
        source = source / COCO_FILE
    if source.is_dir():
        return _of_folder(source)
    if source.suffix.lower() == ".json":
        return _of_coco(source)
    raise InputError(f"expected a folder of masks, or a COCO file that ends in .json, at {source}; check the path")


def _of_folder(folder: Path) -> MaskFrames:
    paths = dict(sorted(paths_by_frame(folder).items()))
    last = max(paths)
    if last > _MOST_MISSING * len(paths) + _MOST_WITHOUT_MASKS:
        raise InputError(
            f"{folder} has {len(paths)} files, and {paths[last].name} would be frame {last}: number files by frame, "
            "from 0"
        )
    size = next((size for size in map(masks_size, paths.values()) if size is not None), None)
    if size is None:
        raise InputError(f"expected masks in {folder}, got {len(paths)} frames without any")

    def read(frame: int) -> KeyframeMasks:
        if frame not in paths:
            return KeyframeMasks.from_rles(Rles.empty(size))
        return _without_empty(read_masks(paths[frame], size))

    return MaskFrames(size, 1 + last, read)


def _of_coco(source: Path) -> MaskFrames:
    images = read_images(source)
    size = images[0]["size"]
    number = {image["id"]: place for place, image in enumerate(images)}
    rows: defaultdict[int, list[tuple[bytes, float]]] = defaultdict(list)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            counts = as_counts(annotation["segmentation"], size)
            score = within(annotation.get("score"), 0, 1, otherwise=1.0)
            rows[number[as_id(annotation["image_id"])]].append((counts, score))

    def read(frame: int) -> KeyframeMasks:
        masks = KeyframeMasks.from_rles(Rles(size, tuple(counts for counts, _ in rows[frame])))
        scores = np.array([score for _, score in rows[frame]], np.float32)
        return _without_empty(replace(masks, predicted_iou=scores))

    return MaskFrames(size, len(images), read)


def _without_empty(masks: KeyframeMasks) -> KeyframeMasks:
    return masks.take(masks.rles.area_px() > 0)
