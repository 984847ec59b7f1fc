"""The masks of transformers' own loop over frames and objects, to compare ours with."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from overseg.data.prompts import NO_POINT, Prompts
from overseg.data.rles import Rles
from overseg.propagate.hf.tracker import HfTracker
from overseg.stages import Clip, Direction, Video
from overseg.transformers_extra import import_transformers


class HfLoop:
    """One session of transformers for each object: what it does with one object does not depend on others.

    Args:
        tracker: the model, which both use.
        video: the frames.
    """

    def __init__(self, tracker: HfTracker, video: Video) -> None:
        transformers: Any = import_transformers(tracker.family.title)
        self._model, self._size = tracker.model, video.info.size
        square = {"height": tracker.image_size, "width": tracker.image_size}
        normal = {"image_mean": list(tracker.family.mean_rgb), "image_std": list(tracker.family.std_rgb)}
        self._processor = transformers.Sam2VideoProcessor(
            image_processor=transformers.Sam2ImageProcessor(size=square, **normal),
            video_processor=transformers.Sam2VideoVideoProcessor(size=square, **normal),
            target_size=tracker.image_size,
        )
        self._frames = [video[index].rgb for index in range(len(video))]
        self._device = str(tracker.device)
        self._sessions: dict[int, Any] = {}

    def prompt(self, prompts: Prompts) -> Rles:
        """Add prompts one after another, and return the mask of each."""
        rows = [self._prompt(prompts.take(np.array([row]))) for row in range(len(prompts))]
        return Rles.concatenate(self._size, rows)

    def propagate(self, first: int, last: int) -> Iterator[tuple[int, Rles]]:
        """The number and one mask per object for every frame from `first` to `last`, which may be the earlier one."""
        loops = [
            self._model.propagate_in_video_iterator(session, first, abs(last - first), reverse=last < first)
            for session in self._sessions.values()
        ]
        for outputs in zip(*loops, strict=True):
            masks = [self._rles(output.pred_masks) for output in outputs]
            yield outputs[0].frame_idx, Rles.concatenate(self._size, masks)

    def _prompt(self, one: Prompts) -> Rles:
        frame, number = int(one.frame[0]), int(one.object[0])
        if number not in self._sessions:
            self._sessions[number] = self._processor.init_video_session(
                video=self._frames, inference_device=self._device
            )
        session = self._sessions[number]
        self._processor.add_inputs_to_inference_session(session, frame, 1, **_inputs(one))
        return self._rles(self._model(session, frame_idx=frame).pred_masks)

    def _rles(self, logits: torch.Tensor) -> Rles:
        masks = interpolate(logits.float(), self._size, mode="bilinear", align_corners=False) > 0
        return Rles.from_masks(masks[:, 0].cpu().numpy())


def _inputs(one: Prompts) -> dict[str, Any]:
    """A prompt as transformers takes it."""
    if one.has_mask[0]:
        return {"input_masks": one.rles.to_masks()[0]}
    is_point = one.point_label[0] != NO_POINT
    inputs: dict[str, Any] = {"clear_old_inputs": not one.adds[0]}
    if is_point.any():
        inputs |= {
            "input_points": [[one.point_xy[0][is_point].tolist()]],
            "input_labels": [[one.point_label[0][is_point].tolist()]],
        }
    if one.has_box[0]:
        inputs["input_boxes"] = [[one.box_xyxy[0].tolist()]]
    return inputs


def loop_masks(tracker: HfTracker, clip: Clip, prompts: Rles, direction: Direction) -> dict[int, Rles]:
    """The masks of `prompts`, at least one: for every frame after the first, one mask per prompt."""
    ends = (clip.start, clip.stop) if direction is Direction.FORWARD else (clip.stop, clip.start)
    loop = HfLoop(tracker, clip.video)
    loop.prompt(Prompts.of_masks(prompts, object=range(len(prompts)), frame=ends[0]))
    return {frame: rles for frame, rles in loop.propagate(*ends) if frame != ends[0]}
