"""Masks that already exist on disk, from any tool."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from overseg.annotations import mask_folder
from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.placing import place_pictures
from overseg.annotations.recognise import is_mask_folder, read_frames
from overseg.annotations.resizing import in_size
from overseg.annotations.united import united
from overseg.annotations.values import check_size
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
        Path(settings.masks or ""),
        min_area_px=settings.min_area_px,
        max_masks=settings.max_masks_per_keyframe,
        first_number=settings.first_number,
        video=settings.video_name,
    )


class PrecomputedGenerator:
    """Reads the masks of each keyframe from a file or folder in any form that `read_frames` reads.

    A picture has the name of its frame's image, or its name ends with the number of the frame in the input, before
    `--start`, `--end` and `--stride`. A frame without a picture has no masks. Masks have the size of the input's
    pictures, or that of shrunk frames.
    """

    keyframe_work = 0.02

    def __init__(
        self,
        source: Path,
        *,
        min_area_px: int = 64,
        max_masks: int | None = None,
        first_number: int | None = None,
        video: str | None = None,
    ) -> None:
        """List what is there; the masks of a frame are read when it is generated, as far as the format allows.

        Args:
            source: the masks.
            min_area_px: smaller masks are dropped.
            max_masks: only so many of the largest are kept; None keeps all.
            first_number: the number that names and files give the first frame; None to find out.
            video: the video's name, to choose one of several.

        Raises:
            InputError: it cannot be read, holds no masks, or holds two pictures for one frame.
        """
        self._source, self._first_number = source, first_number
        self._paths = mask_folder.mask_paths(source) if is_mask_folder(source) else []
        self._listed = _listed(source, self._paths) if self._paths else read_frames(source, None, video)
        self._min_area_px, self._max_masks = min_area_px, max_masks
        self._placed: dict[SourceFrames, dict[int, int]] = {}
        self._remarks: dict[SourceFrames, str | None] = {}
        self._row_of(SourceFrames())  # finds two files for one number

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """The masks that are there for `keyframe`. `propagated` is not used.

        Raises:
            InputError: the file is broken, or its masks are of another size than the frame.
        """
        row = self._row_of(keyframe.source).get(keyframe.number_in_source)
        if row is None:
            return KeyframeMasks.from_rles(Rles.empty(keyframe.size))
        masks = self._read(row, keyframe)
        return keep_masks(
            as_keyframe_masks(in_size(masks, keyframe.size)),
            min_area_px=self._min_area_px,
            max_masks=self._max_masks,
            max_iou=_NEAR_DUPLICATE_IOU,
        )

    def frames(self, source: SourceFrames) -> frozenset[int]:
        """The frames that there are masks of; see `stages.GivenMasks`."""
        return frozenset(self._row_of(source))

    def unused(self, source: SourceFrames, keyframes: frozenset[int]) -> list[str]:
        """Lines on what of the masks cannot be used; see `stages.GivenMasks`."""
        frames = self._row_of(source)
        beyond = [frame for frame in frames if 0 < source.n_frames <= frame]
        n_elsewhere = sum(frame not in keyframes for frame in frames) - len(beyond)
        after = (
            f"{self._source}: {len(beyond)} of {len(frames)} pictures are of frames after the last one of the input, "
            f"{source.n_frames - 1}, such as {min(beyond, default=0)}: name them by frame, or give --first-number"
        )
        elsewhere = (
            f"{self._source}: the masks of {n_elsewhere} of {len(frames)} pictures are not used, since their frames "
            "are no keyframes of this run: with --step 1, every frame is one"
        )
        left_out = self._listed.left_out
        lines = (
            self._remarks[source],
            left_out.line(self._source) if len(left_out) else None,
            after if beyond else None,
            elsewhere if n_elsewhere else None,
        )
        return [line for line in lines if line]

    def _read(self, row: int, keyframe: Frame) -> PictureMasks:
        """The masks of a picture, in the size of the keyframe or of the input."""
        if self._paths:
            whole = keyframe.source.size
            is_whole = whole not in (None, keyframe.size) and mask_folder.masks_size(self._paths[row]) == whole
            return mask_folder.read_masks(self._paths[row], whole if whole and is_whole else keyframe.size)
        if self._listed.size != keyframe.source.size:
            check_size(self._listed.size, keyframe.size, self._source)
        return united(self._listed.read(row))

    def _row_of(self, source: SourceFrames) -> dict[int, int]:
        """The row of the picture of each frame of the input, by its number there."""
        if source not in self._placed:
            placed = place_pictures(self._listed, source, strict=False, first_number=self._first_number)
            self._placed[source] = {frame: row for row, frame in enumerate(placed.frames)}
            self._remarks[source] = placed.remark
        return self._placed[source]


def _listed(folder: Path, paths: list[Path]) -> Annotations:
    """The pictures of a folder of masks, of which none is read yet."""
    pictures = tuple(Picture(str(path), path.name) for path in paths)
    return Annotations(folder, (1, 1), pictures, _not_read, counts_from_zero=True)


def as_keyframe_masks(masks: PictureMasks) -> KeyframeMasks:
    """The masks of a picture as the masks of a keyframe; `score` is what a model predicts of them."""
    known = {name: masks.columns[name] for name in ("stability_score", "point_xy") if name in masks.columns}
    if "score" in masks.columns:
        known["predicted_iou"] = masks.columns["score"].astype(np.float32)
    return replace(KeyframeMasks.from_rles(masks.rles), **known)  # type: ignore[arg-type]


def _not_read(row: int) -> PictureMasks:
    raise NotImplementedError
