"""Masks that were found on each frame by itself, in any of the forms in which tools write them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.mask_folder import masks_size, paths_by_frame, read_masks
from overseg.interchange.json_input import as_counts, as_id, checked, polygon_counts, within
from overseg.interchange.json_stream import items
from overseg.video.image_source import image_files
from overseg.video.open import open_video

_LEVEL = "level_0"  # of an export as id-maps
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


@dataclass(frozen=True)
class Numbering:
    """What is known of the frames that masks are of.

    Attributes:
        n_frames: how many there are; 0 where that is unknown.
        stems: names without ending, where the frames are images.
    """

    n_frames: int = 0
    stems: tuple[str, ...] = ()

    def frames(self, stems: Sequence[str], numbers: Sequence[int]) -> list[int]:
        """The frame of each file, by its name without ending and the number, which may count frames from 1.

        >>> Numbering(3, ("a1", "a2", "a3")).frames(["a1", "a3"], [1, 3]), Numbering(3).frames(["a1", "a3"], [1, 3])
        ([0, 2], [0, 2])
        """
        at = {stem: number for number, stem in enumerate(self.stems)}
        if at and all(stem in at for stem in stems):
            return [at[stem] for stem in stems]
        from_one = 0 not in numbers and max(numbers) == self.n_frames
        return [number - 1 if from_one else number for number in numbers]


def numbering_of(video: Path) -> Numbering:
    """What is known of the frames of a video, or of a folder of images; InputError where there is none."""
    with open_video(video) as opened:
        return Numbering(len(opened), tuple(file.stem for file in image_files(video)) if video.is_dir() else ())


def open_mask_frames(source: Path, numbering: Numbering | None = None) -> MaskFrames:
    """Masks out of a folder with a file or folder a frame, or out of one COCO file.

    In a folder, a name is that of its frame's image, or ends with the number of its frame. It may be a PNG in which
    each value or colour but black is one mask, a folder of PNGs, one mask each, JSON with COCO RLE, or an npz file with
    a stack [n, height, width]. Of a COCO annotation without a segmentation, all that is in its box is the mask.

    Raises:
        InputError: there are no masks, or they cannot be read.
    """
    from overseg.interchange import coco

    if source.is_dir() and (source / coco.FILE).is_file():
        source = source / coco.FILE
    numbering = numbering or Numbering()
    if (source / _LEVEL).is_dir():
        raise InputError(f"{source} holds maps for each level, not for each frame: name one of them, {source / _LEVEL}")
    if source.is_dir():
        return _of_folder(source, numbering)
    if source.suffix.lower() == ".json":
        return _of_coco(source, numbering)
    raise InputError(f"expected a folder of masks, or a COCO file that ends in .json, at {source}; check the path")


def _of_folder(folder: Path, numbering: Numbering) -> MaskFrames:
    named = paths_by_frame(folder)
    frames = numbering.frames([path.stem for path in named.values()], list(named))
    paths = dict(sorted(zip(frames, named.values(), strict=True)))
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

    return MaskFrames(size, max(1 + last, numbering.n_frames), read)


def _of_coco(source: Path, numbering: Numbering) -> MaskFrames:
    from overseg.interchange.coco import read_images

    images = read_images(source)
    size = images[0]["size"]
    frames = numbering.frames([image["stem"] for image in images], range(len(images)))
    number = {image["id"]: frame for image, frame in zip(images, frames, strict=True)}
    rows: defaultdict[int, list[tuple[bytes, float]]] = defaultdict(list)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            counts = _counts(annotation, size)
            score = within(annotation.get("score"), 0, 1, otherwise=1.0)
            rows[number[as_id(annotation["image_id"])]].append((counts, score))

    def read(frame: int) -> KeyframeMasks:
        masks = KeyframeMasks.from_rles(Rles(size, tuple(counts for counts, _ in rows[frame])))
        scores = np.array([score for _, score in rows[frame]], np.float32)
        return _without_empty(replace(masks, predicted_iou=scores))

    return MaskFrames(size, max(1 + max(frames), numbering.n_frames), read)


def _counts(annotation: dict[str, Any], size: tuple[int, int]) -> bytes:
    """The mask of an annotation; where it is a detection with a box alone, all that is in the box."""
    if annotation.get("segmentation") or "bbox" not in annotation:
        return as_counts(annotation["segmentation"], size)
    left, top, width, height = (float(px) for px in annotation["bbox"])
    right, bottom = left + width, top + height
    return polygon_counts([[left, top, right, top, right, bottom, left, bottom]], size)


def _without_empty(masks: KeyframeMasks) -> KeyframeMasks:
    return masks.take(masks.rles.area_px() > 0)
