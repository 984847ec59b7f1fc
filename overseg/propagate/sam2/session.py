"""Objects of one video: prompted, propagated, corrected and propagated again, like upstream's inference state."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch

from overseg.batching import enough_memory
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.propagate.device_rles import rles_at_size
from overseg.propagate.sam2.features import ADVICE, ImageFeatures
from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory, Reach
from overseg.propagate.sam2.objects import ObjectPrompt, SessionObject, grouped, point_prompts, prompt_rounds
from overseg.propagate.sam2.runtime import Sam2Runtime
from overseg.propagate.sam2.steps import FrameOutput, PointPrompts, TrackerSteps
from overseg.stages import Video

Result = TypeVar("Result")
Table = TypeVar("Table", FrameOutput, FrameMemory)


class Sam2Session:
    """Objects of one video that are prompted, propagated, corrected and propagated again, all at once.

    It gives the masks of upstream's `SAM2VideoPredictor`, if that gets every prompt by `add_new_points_or_box` or
    `add_new_mask` and propagates by `propagate_in_video`. Masks of different objects may overlap.
    """

    def __init__(
        self,
        runtime: Sam2Runtime,
        video: Video,
        *,
        correctable: bool = True,
        corrections_condition: bool = False,
        mask_threshold: float = 0.0,
    ) -> None:
        """
        Args:
            runtime: runs the model.
            video: the frames.
            correctable: whether prompts may correct frames that objects were propagated to. Each of these frames then
                takes 0.8 MB an object at 1024 px while the session exists. Otherwise memory use is bounded.
            corrections_condition: whether a corrected frame becomes a conditioning frame, whose memory is used from
                any distance (upstream's `add_all_frames_to_correct_as_cond`).
            mask_threshold: a mask is where the model's logits are above this. Memories do not depend on it.
        """
        self._runtime = runtime
        self._video = video
        self._correctable = correctable
        self._corrections_condition = corrections_condition
        self._mask_threshold = mask_threshold
        self._objects: dict[int, SessionObject] = {}
        self._reach = Reach.of(runtime.model)

    def prompt(self, prompts: Prompts) -> ObjectMasks:
        """Add prompts, and return the mask of each on its own frame: a row for each row.

        A prompt on a frame that the object was propagated to corrects it. As in upstream, a correction of a
        conditioning frame is dropped when objects are propagated again, unless `corrections_condition`.

        Raises:
            InputError: a prompt that `Prompts.check` refuses. No prompt is added then.
            DeviceError: memory runs out with a single mask. No prompt is added then.
        """
        prompts.check(self._video.info)
        objects = dict(self._objects)
        for number in dict.fromkeys(prompts.object.tolist()):
            objects[number] = objects[number].copy() if number in objects else SessionObject(ObjectMemory(self._reach))
        outputs: dict[int, FrameOutput] = {}
        for rows in prompt_rounds(prompts):
            batch = [self._object_prompt(prompts, row, objects[int(prompts.object[row])]) for row in rows]
            for group in grouped(batch, lambda one: one.batch_key):
                for one, output in zip(group, self._prompt(group), strict=True):
                    one.keep(output)
                    outputs[one.row] = output
        masks = self._masks(prompts.object, prompts.frame, [outputs[row] for row in range(len(prompts))])
        self._objects = objects
        return masks

    def propagate(self, first: int, last: int) -> Iterator[ObjectMasks]:
        """The masks of all objects on all frames from `first` to `last`, which may be the earlier one.

        Each frame has a row for every object, in the order in which they were first prompted.

        Raises:
            InputError: the video does not have one of the frames.
            DeviceError: memory runs out with a single mask.
        """
        n_frames = len(self._video)
        for frame in (first, last):
            if not 0 <= frame < n_frames:
                raise InputError(f"expected to propagate from and to frames from 0 to {n_frames - 1}, got {frame}")
        return self._propagate(first, last)

    def _propagate(self, first: int, last: int) -> Iterator[ObjectMasks]:
        reverse = last < first
        self._remember_prompts()
        if not self._objects:
            return
        indices = range(first, last - 1, -1) if reverse else range(first, last + 1)
        for frame, features in self._runtime.encoded(self._video.info, map(self._video.__getitem__, indices)):
            index = frame.index
            self._visit(index, features, reverse=reverse)
            if not self._correctable:
                for one in self._objects.values():
                    one.forget_far((first, index))
            outputs = [one.outputs[index] for one in self._objects.values()]
            yield self._masks(np.array(list(self._objects), np.int32), np.full(len(outputs), index, np.int32), outputs)

    def _object_prompt(self, prompts: Prompts, row: int, one: SessionObject) -> ObjectPrompt:
        frame, model = int(prompts.frame[row]), self._runtime.model
        reverse = one.visited.get(frame)
        conditions = reverse is None or self._corrections_condition
        if prompts.has_mask[row]:
            one.points.pop(frame, None)
            return ObjectPrompt(row, frame, one, conditions, reverse, mask=prompts.rles.take([row]))
        before = one.points.get(frame) if prompts.adds[row] else None
        seen = None if reverse is None else one.memory.seen_from(frame, reverse=reverse)
        one.points[frame] = point_prompts(prompts, row, before, image_size=model.image_size, device=model.device)
        return ObjectPrompt(row, frame, one, conditions, reverse, points=one.points[frame], seen=seen)

    def _prompt(self, group: list[ObjectPrompt]) -> list[FrameOutput]:
        """The model's outputs for prompts of one batch key, a row each."""
        with self._runtime.computing():
            features = self._features(group[0].frame)
            prompt = self._prompt_points if group[0].mask is None else self._prompt_masks
            return self._by_row(lambda rows: prompt(features, group[rows]).without_high_res(), len(group))

    def _prompt_masks(self, features: ImageFeatures, group: list[ObjectPrompt]) -> FrameOutput:
        masks = np.concatenate([one.mask.to_masks() for one in group if one.mask])
        on_device = torch.from_numpy(masks)[:, None].to(self._runtime.model.device).float()
        return self._steps(reverse=False).prompt_masks(features, group[0].frame, on_device)

    def _prompt_points(self, features: ImageFeatures, group: list[ObjectPrompt]) -> FrameOutput:
        frame, reverse, seen = group[0].frame, group[0].reverse or False, group[0].seen
        memory = None if seen is None else ObjectMemory.concatenate([one.object.memory for one in group], seen)
        before = [one.output_before.logits for one in group if one.output_before]
        points = PointPrompts.concatenate(
            [one.points for one in group if one.points], logits=torch.cat(before) if before else None
        )
        return self._steps(reverse=reverse).prompt_points(features, frame, points, memory)

    def _remember_prompts(self) -> None:
        """Make memories of the new prompts, so that they are used on other frames."""
        new = [
            (frame, one, output, conditions)
            for one in self._objects.values()
            for conditions, outputs in ((True, one.new_prompts), (False, one.new_corrections))
            for frame, output in outputs.items()
        ]
        groups = grouped(new, lambda prompted: (prompted[0], prompted[2].prompt_masks is None))
        memories = [self._memories(group[0][0], [output for _, _, output, _ in group]) for group in groups]
        for group, of_group in zip(groups, memories, strict=True):
            for (frame, one, output, conditions), memory in zip(group, of_group, strict=True):
                one.add_prompted(frame, output, memory, conditions=conditions)
        for one in self._objects.values():
            one.new_prompts, one.new_corrections = {}, {}

    def _memories(self, frame: int, outputs: list[FrameOutput]) -> list[FrameMemory]:
        """The memories of the outputs for prompts on `frame`, a row each."""
        steps = self._steps(reverse=False)  # memories do not depend on the direction
        with self._runtime.computing():
            features = self._features(frame)
            return self._by_row(
                lambda rows: steps.remember(features, FrameOutput.concatenate(outputs[rows]), is_prompt=True),
                len(outputs),
            )

    def _visit(self, frame: int, features: ImageFeatures, *, reverse: bool) -> None:
        """Propagate all objects to `frame` for which it is no conditioning frame."""
        propagated = [one for one in self._objects.values() if frame not in one.memory.conditioning]
        with self._runtime.computing():
            for group in grouped(propagated, lambda one: one.memory.seen_from(frame, reverse=reverse)):
                self._track(features, frame, group, reverse=reverse)
        if self._correctable:
            for one in self._objects.values():
                one.visited[frame] = reverse

    def _track(self, features: ImageFeatures, frame: int, group: list[SessionObject], *, reverse: bool) -> None:
        """Propagate objects to `frame` that have memories on the same frames within reach."""
        steps, seen = self._steps(reverse=reverse), group[0].memory.seen_from(frame, reverse=reverse)

        def track(rows: slice) -> tuple[FrameOutput, FrameMemory]:
            memory = ObjectMemory.concatenate([one.memory for one in group[rows]], seen)
            output = steps.track(features, frame, memory)
            return output.without_high_res(), steps.remember(features, output)

        parts = list(self._batched(track, len(group)))
        outputs, memories = _rows(output for output, _ in parts), _rows(memory for _, memory in parts)
        for one, output, memory in zip(group, outputs, memories, strict=True):
            one.add_propagated(frame, output, memory)

    def _features(self, frame: int) -> ImageFeatures:
        return self._runtime.features(self._video.info, self._video[frame])

    def _by_row(self, work: Callable[[slice], Table], n: int) -> list[Table]:
        """The result of `work` for n objects, a row each."""
        return _rows(self._batched(work, n))

    def _batched(self, work: Callable[[slice], Result], n: int) -> Iterator[Result]:
        at_most = self._runtime.max_at_once(len(self._objects), self._video.info.size)
        return self._runtime.batched(work, n, at_most=at_most)

    def _masks(self, objects: np.ndarray, frames: np.ndarray, outputs: Sequence[FrameOutput]) -> ObjectMasks:
        size = self._video.info.size
        if not outputs:
            return ObjectMasks(Rles.empty(size), objects, frames, np.zeros(0, np.float32))
        with enough_memory(for_="for the masks of all objects", advice=ADVICE):
            logits = torch.cat([output.logits for output in outputs])
            rles = rles_at_size(logits, size, above=self._mask_threshold)
        scores = torch.cat([output.score for output in outputs]).cpu().numpy()
        return ObjectMasks(rles, objects, frames, scores)

    def _steps(self, *, reverse: bool) -> TrackerSteps:
        return self._runtime.steps(n_frames=len(self._video), reverse=reverse)


def _rows(tables: Iterable[Table]) -> list[Table]:
    """Tables of one row each."""
    return [table.take(slice(row, row + 1)) for table in tables for row in range(len(table))]
