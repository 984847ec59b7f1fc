"""Masks that already exist on disk, from any tool."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from overseg.annotations import mask_folder
from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.placing import place_pictures
from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.data.source_frames import SourceFrames
from overseg.generate.keep import keep_masks

_NEAR_DUPLICATE_IOU = 0.95  # high, since this removes masks that another tool made


def build(settings: Settings, machine: Machine) -> "PrecomputedGenerator":
    """The generator that the settings describe."""
    return PrecomputedGenerator(
        Path(settings.masks or ""), min_area_px=settings.min_area_px, max_masks=settings.max_masks_per_keyframe
    )


class PrecomputedGenerator:
    """Reads the masks of each keyframe from a folder; `annotations.mask_folder` describes what it may hold.

    A file or folder has the name of its frame's image, or its name ends with the number of the frame in the input,
    before `--start`, `--end` and `--stride`. A frame without a file has no masks.
    """

    keyframe_work = 0.02

    def __init__(self, folder: Path, *, min_area_px: int = 64, max_masks: int | None = None) -> None:
        """List what is in the folder; the masks of a frame are read when it is generated.

        Args:
            folder: the masks.
            min_area_px: smaller masks are dropped.
            max_masks: only so many of the largest are kept; None keeps all.

        Raises:
            InputError: the folder cannot be read, holds no masks, or holds two files for one frame.
        """
        self._folder, self._paths = folder, mask_folder.mask_paths(folder)
        self._min_area_px, self._max_masks = min_area_px, max_masks
        self._placed: dict[SourceFrames, dict[int, Path]] = {}
        self._path_of(SourceFrames())  # finds two files for one number

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """The masks that the folder has for `keyframe`. `propagated` is not used.

        Raises:
            InputError: the file is broken, or its masks are of another size than the frame.
        """
        path = self._path_of(keyframe.source).get(keyframe.number_in_source)
        if path is None:
            return KeyframeMasks.from_rles(Rles.empty(keyframe.size))
        return keep_masks(
            as_keyframe_masks(mask_folder.read_masks(path, keyframe.size)),
            min_area_px=self._min_area_px,
            max_masks=self._max_masks,
            max_iou=_NEAR_DUPLICATE_IOU,
        )

    def _path_of(self, source: SourceFrames) -> dict[int, Path]:
        """The file or folder of each frame of the input, by its number there."""
        if source not in self._placed:
            pictures = tuple(Picture(str(path), path.name) for path in self._paths)
            listed = Annotations(self._folder, (1, 1), pictures, _not_read, counts_from_zero=True)
            frames = place_pictures(listed, source, strict=False).frames
            self._placed[source] = dict(zip(frames, self._paths, strict=True))
        return self._placed[source]


def as_keyframe_masks(masks: PictureMasks) -> KeyframeMasks:
    """The masks of a picture as the masks of a keyframe; `score` is what a model predicts of them."""
    known = {name: masks.columns[name] for name in ("stability_score", "point_xy") if name in masks.columns}
    if "score" in masks.columns:
        known["predicted_iou"] = masks.columns["score"].astype(np.float32)
    return replace(KeyframeMasks.from_rles(masks.rles), **known)  # type: ignore[arg-type]


def _not_read(row: int) -> PictureMasks:
    raise NotImplementedError
