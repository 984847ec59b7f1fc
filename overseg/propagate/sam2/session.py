"""Objects of one video: prompted, propagated, corrected and propagated again, like upstream's inference state."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from overseg.batching import enough_memory
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.propagate.device_rles import rles_at_size
from overseg.propagate.sam2.features import OUT_OF_MEMORY, Features
from overseg.propagate.sam2.given import Given, clicks_of, grouped, turns
from overseg.propagate.sam2.outputs import ObjectState, Output, memories_of
from overseg.propagate.sam2.steps import NO_MEMORY, Clicks, MemoryView, Sam2Steps
from overseg.propagate.sam2.work import Sam2Work
from overseg.stages import Video


class Sam2Session:
    """Objects of one video that are prompted, propagated, corrected and propagated on, all side by side.

    It gives the masks of upstream's `SAM2VideoPredictor`, driven by `add_new_points_or_box` and `add_new_mask` for
    every prompt and by `propagate_in_video`. Masks of different objects may overlap.
    """

    def __init__(
        self,
        work: Sam2Work,
        video: Video,
        *,
        correctable: bool = True,
        corrections_condition: bool = False,
        mask_threshold: float = 0.0,
    ) -> None:
        """
        Args:
            work: model and memory.
            video: the frames.
            correctable: whether frames that were propagated to can be corrected by prompts. Each then takes 0.8 MB an
                object at 1024 px for as long as the session lives; else memory does not grow with the video.
            corrections_condition: whether a corrected frame is looked back at from anywhere, as one prompted at first
                is, or only from frames nearby (upstream's `add_all_frames_to_correct_as_cond`).
            mask_threshold: masks lie where the model's logits are above this. What it remembers does not depend on it.
        """
        self._work = work
        self._video = video
        self._correctable = correctable
        self._corrections_condition = corrections_condition
        self._mask_threshold = mask_threshold
        self._states: dict[int, ObjectState] = {}
        model = work.model
        spatial_reach = (model.num_maskmem - 2) * model.memory_temporal_stride_for_eval + 1
        self._reach = max(spatial_reach, model.max_obj_ptrs_in_encoder - 1)

    def prompt(self, prompts: Prompts) -> ObjectMasks:
        """Give prompts, and see what comes of each on its own frame: a row for each row.

        A prompt on a frame that the object was propagated to corrects it. As upstream does it, a correction of a frame
        that was prompted at first is dropped when objects are propagated again, unless `corrections_condition`.

        Raises:
            InputError: a prompt that cannot be; see `Prompts.check`. Nothing was given then.
            DeviceError: memory runs out with a single mask. Nothing was given then.
        """
        prompts.check(self._video.info)
        states = dict(self._states)
        for number in dict.fromkeys(prompts.object.tolist()):
            states[number] = states[number].copy() if number in states else ObjectState()
        found: dict[int, Output] = {}
        for turn in turns(prompts):
            given = [self._given(prompts, row, states[int(prompts.object[row])]) for row in turn]
            for group in grouped(given, lambda one: one.kind):
                for one, output in zip(group, self._take(group), strict=True):
                    one.keep(output)
                    found[one.row] = output
        masks = self._masks(prompts.object, prompts.frame, [found[row] for row in range(len(prompts))])
        self._states = states
        return masks

    def propagate(self, first: int, last: int) -> Iterator[ObjectMasks]:
        """The masks of all objects on all frames from `first` to `last`, which may be the earlier one.

        Each frame comes with a row for every object, in the order in which they were first prompted.

        Raises:
            InputError: a frame that the video does not have.
            DeviceError: memory runs out with a single mask.
        """
        n_frames = len(self._video)
        for frame in (first, last):
            if not 0 <= frame < n_frames:
                raise InputError(f"expected to propagate from and to frames from 0 to {n_frames - 1}, got {frame}")
        return self._propagated(first, last)

    def _propagated(self, first: int, last: int) -> Iterator[ObjectMasks]:
        reverse = last < first
        self._settle()
        if not self._states:
            return
        indices = range(first, last - 1, -1) if reverse else range(first, last + 1)
        for frame, features in self._work.encoded(self._video.info, map(self._video.__getitem__, indices)):
            index = frame.index
            self._visit(index, features, reverse=reverse)
            if not self._correctable:
                for state in self._states.values():
                    state.forget(reach=self._reach, around=(first, index))
            outputs = [state.prompted.get(index) or state.propagated[index] for state in self._states.values()]
            yield self._masks(np.array(list(self._states), np.int32), np.full(len(outputs), index, np.int32), outputs)

    def _given(self, prompts: Prompts, row: int, state: ObjectState) -> Given:
        frame, model = int(prompts.frame[row]), self._work.model
        reverse = state.visited.get(frame)
        conditions = reverse is None or self._corrections_condition
        if prompts.has_mask[row]:
            state.clicks.pop(frame, None)
            return Given(row, frame, state, conditions, reverse, mask=prompts.rles.take([row]))
        before = state.clicks.get(frame) if prompts.adds[row] else None
        seen = None if reverse is None else state.reachable(frame, reverse=reverse, reach=self._reach)
        state.clicks[frame] = clicks_of(prompts, row, before, image_size=model.image_size, device=model.device)
        return Given(row, frame, state, conditions, reverse, clicks=state.clicks[frame], seen=seen)

    def _take(self, group: list[Given]) -> list[Output]:
        """What the model makes of prompts of one frame and kind."""
        with self._work.computing():
            features = self._features(group[0].frame)
            take = self._take_clicks if group[0].mask is None else self._take_masks
            return self._batched(lambda rows: take(features, group[rows]), len(group))

    def _take_masks(self, features: Features, group: list[Given]) -> Output:
        masks = np.concatenate([one.mask.to_masks() for one in group if one.mask])
        on_device = torch.from_numpy(masks)[:, None].to(self._work.model.device).float()
        return Output.of(self._steps(reverse=False).take_masks(features, group[0].frame, on_device), None)

    def _take_clicks(self, features: Features, group: list[Given]) -> Output:
        frame, reverse, seen = group[0].frame, group[0].reverse or False, group[0].seen
        steps = self._steps(reverse=reverse)
        memories: MemoryView = NO_MEMORY
        if seen is not None:
            memories = memories_of([one.state for one in group], seen, steps.memory_position(features))
        clicks = [one.clicks for one in group if one.clicks]
        before = [one.before.logits for one in group if one.before]
        joined = Clicks(
            torch.cat([one.xy for one in clicks]),
            torch.cat([one.labels for one in clicks]),
            torch.cat(before) if before else None,
        )
        return Output.of(steps.take_clicks(features, frame, joined, memories), None)

    def _settle(self) -> None:
        """Remember what was prompted, so that it is seen from other frames."""
        new = [
            (frame, outputs)
            for state in self._states.values()
            for outputs in (state.new_prompted, state.new_propagated)
            for frame in outputs
        ]
        for group in grouped(new, lambda one: one[0]):
            frame = group[0][0]
            remembered = self._remembered(frame, [outputs[frame] for _, outputs in group])
            for (_, outputs), output in zip(group, remembered, strict=True):
                outputs[frame] = output
        for state in self._states.values():
            state.settle()

    def _remembered(self, frame: int, prompted: list[Output]) -> list[Output]:
        """What was prompted on `frame`, with a memory of it."""
        steps = self._steps(reverse=False)  # memories do not tell the direction

        def remember(rows: slice) -> Output:
            given = Output.concatenate(prompted[rows])
            memory = steps.remember_prompted(features, given.logits, given.presence_logits, given.pointer)
            return replace(given, spatial=memory.spatial)

        with self._work.computing():
            features = self._features(frame)
            return self._batched(remember, len(prompted))

    def _visit(self, frame: int, features: Features, *, reverse: bool) -> None:
        """Propagate to `frame` all objects that have no prompt on it."""
        propagated = [state for state in self._states.values() if frame not in state.prompted]
        with self._work.computing():
            for group in grouped(propagated, lambda one: one.reachable(frame, reverse=reverse, reach=self._reach)):
                for state, output in zip(group, self._track(features, frame, group, reverse=reverse), strict=True):
                    state.propagated[frame] = output
        if self._correctable:
            for state in self._states.values():
                state.visited[frame] = reverse

    def _track(self, features: Features, frame: int, group: list[ObjectState], *, reverse: bool) -> list[Output]:
        """Where objects that see the same frames lie on `frame`."""
        steps = self._steps(reverse=reverse)
        seen, position = group[0].reachable(frame, reverse=reverse, reach=self._reach), steps.memory_position(features)

        def track(rows: slice) -> Output:
            tracked = steps.track(features, frame, memories_of(group[rows], seen, position), len(group[rows]))
            return Output.of(tracked, steps.remember(features, tracked))

        return self._batched(track, len(group))

    def _features(self, frame: int) -> Features:
        return self._work.features(self._video.info, self._video[frame])

    def _batched(self, work: Callable[[slice], Output], n: int) -> list[Output]:
        """What `work` gives for n objects, one by one."""
        at_most = self._work.at_most(len(self._states), self._video.info.size)
        parts = self._work.batched(work, n, at_most=at_most)
        return [part.row(row) for part in parts for row in range(len(part))]

    def _masks(self, objects: np.ndarray, frames: np.ndarray, outputs: Sequence[Output]) -> ObjectMasks:
        size = self._video.info.size
        with enough_memory(for_="for the mask of one object", advice=OUT_OF_MEMORY):
            rles = Rles.concatenate(
                size, (rles_at_size(output.logits, size, above=self._mask_threshold) for output in outputs)
            )
        scores = [output.score.cpu().numpy() for output in outputs]
        return ObjectMasks(rles, objects, frames, np.concatenate([np.zeros(0, np.float32), *scores]))

    def _steps(self, *, reverse: bool) -> Sam2Steps:
        return self._work.steps(n_frames=len(self._video), reverse=reverse)
