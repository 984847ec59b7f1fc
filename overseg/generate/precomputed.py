"""Masks that already exist on disk, from any tool."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from overseg.annotations.annotations import Annotations, PictureMasks
from overseg.annotations.placing import Placed, place_pictures
from overseg.annotations.recognise import read_frames
from overseg.annotations.resizing import in_size
from overseg.annotations.united import united
from overseg.annotations.values import SizeUnknownError, VideoUnknownError, check_size
from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.data.source_frames import SourceFrames
from overseg.generate.keep import keep_masks

_VIDEOS_KEPT = 4  # of many, whose masks one source may hold
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
        self._source, self._first_number, self._video = source, first_number, video
        self._min_area_px, self._max_masks = min_area_px, max_masks
        self._found: dict[SourceFrames, tuple[Annotations, Placed]] = {}
        with suppress(SizeUnknownError, VideoUnknownError):  # which the frames say
            self._of(SourceFrames())  # finds two files for one number

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """The masks that are there for `keyframe`. `propagated` is not used.

        Raises:
            InputError: the file is broken, or its masks are of another size than the frame.
        """
        annotations, placed = self._of(keyframe.source or SourceFrames(), keyframe.size)
        row = placed.rows.get(keyframe.number_in_source)
        if row is None:
            return KeyframeMasks.from_rles(Rles.empty(keyframe.size))
        if annotations.size != keyframe.source.size:
            check_size(annotations.size, keyframe.size, annotations.pictures[row].place)
        masks = united(annotations.read(row))
        return keep_masks(
            as_keyframe_masks(in_size(masks, keyframe.size)),
            min_area_px=self._min_area_px,
            max_masks=self._max_masks,
            max_iou=_NEAR_DUPLICATE_IOU,
        )

    def frames(self, source: SourceFrames) -> frozenset[int]:
        """The frames that there are masks of; see `stages.GivenMasks`."""
        return frozenset(self._of(source)[1].rows)

    def unused(self, source: SourceFrames, keyframes: frozenset[int]) -> list[str]:
        """Lines on what of the masks cannot be used; see `stages.GivenMasks`."""
        annotations, placed = self._of(source)
        beyond = [frame for frame in placed.rows if 0 < source.n_frames <= frame]
        n_elsewhere = sum(frame not in keyframes for frame in placed.rows) - len(beyond)
        n = len(placed.frames)
        after = (
            f"{self._source}: {len(beyond)} of {n} pictures are of frames after the last one of the input, "
            f"{source.n_frames - 1}, such as {min(beyond, default=0)}: name them by frame, or give --first-number"
        )
        elsewhere = (
            f"{self._source}: the masks of {n_elsewhere} of {n} pictures are not used, since their frames are no "
            "keyframes of this run: with --step 1, every frame is one"
        )
        lines = (
            placed.remark,
            annotations.left_out.remark(self._source),
            after if beyond else None,
            elsewhere if n_elsewhere else None,
        )
        return [line for line in lines if line]

    def _of(self, source: SourceFrames, size: tuple[int, int] | None = None) -> tuple[Annotations, Placed]:
        """The annotations, and where they are among the frames of an input; `size` is theirs if nothing states it."""
        found = self._found.get(source)
        if found is None:
            annotations = self._read(source.size or size, self._video or source.name or None)
            placed = place_pictures(annotations, source, strict=False, first_number=self._first_number)
            found = self._found[source] = annotations, placed
            for known in list(self._found)[:-_VIDEOS_KEPT]:
                self._found.pop(known, None)
        return found

    def _read(self, size: tuple[int, int] | None, video: str | None) -> Annotations:
        try:
            return read_frames(self._source, None, video)
        except SizeUnknownError:
            if size is None:
                raise
            return read_frames(self._source, size, video)


def as_keyframe_masks(masks: PictureMasks) -> KeyframeMasks:
    """The masks of a picture as the masks of a keyframe; `score` is what a model predicts of them."""
    known = {name: masks.columns[name] for name in ("stability_score", "point_xy") if name in masks.columns}
    if "score" in masks.columns:
        known["predicted_iou"] = masks.columns["score"].astype(np.float32)
    return replace(KeyframeMasks.from_rles(masks.rles), **known)  # type: ignore[arg-type]
