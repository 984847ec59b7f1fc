"""Propagates masks with SAM 2 (Ravi et al., arXiv:2408.00714): upstream's masks, all masks of a clip at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float32, Int8, Int64
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.frame import Frame
from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.settings import DTYPES
from overseg.data.shot import Shot
from overseg.errors import InputError, SettingsError
from overseg.propagate.device_rles import rles_at_size
from overseg.propagate.sam2.features import FeatureEncoder, ImageFeatures
from overseg.propagate.sam2.logit_cleanup import LogitCleanup
from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory, Reach
from overseg.propagate.sam2.model import sam2_cost
from overseg.propagate.sam2.runtime import Sam2Runtime
from overseg.propagate.sam2.session import Sam2Session
from overseg.propagate.sam2.steps import TrackerSteps
from overseg.stages import Clip, Direction, Video


class MemoryPropagator:
    """Propagates masks with a model of SAM 2's design, all masks of a clip at once, and follows prompted objects.

    Every frame of a clip is encoded once, whatever the number of masks. A mask's score is the model's probability
    that the object is in the picture times its own estimate of the mask's IoU. A masklet ends where the model reports
    that the object is gone, or where its mask is too small. Unlike upstream, it does not start again.
    """

    def __init__(
        self,
        runtime: Sam2Runtime,
        *,
        work: tuple[float, float],
        min_area_px: int = 100,
        mask_threshold: float = 0.0,
    ) -> None:
        """
        Args:
            runtime: runs the model.
            work: expected work for a frame, and for a mask on it, in passes of SAM's image encoder.
            min_area_px: a masklet ends where its mask is smaller, in pixels. Smaller prompts are not propagated.
            mask_threshold: masks of prompted objects are where the model's logits are above this.
        """
        self._min_area_px = max(1, min_area_px)
        self._mask_threshold = mask_threshold
        self._runtime = runtime
        self._frame_work, self._mask_work = work

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """A fixed work for a frame and for a mask on it; see `stages.MaskPropagator`."""
        return self._frame_work * n_frames + self._mask_work * n_masks

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Propagate `prompts` to the clip's other end; see `stages.MaskPropagator`.

        Raises:
            InputError: the prompts are masks of another size than the frames.
            DeviceError: memory runs out with a single mask, or with the memories of all masks.
        """
        if prompts.size != clip.video.info.size:
            (mask_h, mask_w), (frame_h, frame_w) = prompts.size, clip.video.info.size
            raise InputError(f"expected masks of the frames' size {frame_w}x{frame_h}, got {mask_w}x{mask_h}")
        ends = np.full(len(prompts), End.CLIP, np.int8)
        if len(clip) == 1:
            return Masklets.in_order([], ends, prompts.size)
        is_small = prompts.area_px() < self._min_area_px
        ends[is_small] = End.SMALL
        rows = np.flatnonzero(~is_small)
        if len(rows) == 0:
            return Masklets.in_order([], ends, prompts.size)
        with self._runtime.computing():
            masks = list(self._propagated(clip, prompts, rows, direction, ends))
        return Masklets.in_order(masks, ends, prompts.size)

    def session(self, video: Video, *, correctable: bool = True, corrections_condition: bool = False) -> Sam2Session:
        """A session of objects of `video` to prompt, propagate and correct interactively; see `Sam2Session`."""
        return Sam2Session(
            self._runtime,
            video,
            correctable=correctable,
            corrections_condition=corrections_condition,
            mask_threshold=self._mask_threshold,
        )

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Propagate objects from their prompts through a whole shot; see `stages.PromptedPropagator`.

        Raises:
            InputError: a prompt that `Prompts.check` refuses.
            DeviceError: memory runs out with a single mask.
        """
        prompts.check(video.info, shot)
        return self._followed(video, prompts, shot)

    def _followed(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        session = self.session(video, correctable=False)
        session.prompt(prompts)
        first = int(prompts.frame.min(initial=shot.stop))
        yield from session.propagate(first, shot.stop)
        if first > shot.start:
            yield from islice(session.propagate(first, shot.start), 1, None)

    def _propagated(
        self,
        clip: Clip,
        prompts: Rles,
        rows: Int64[np.ndarray, " n"],
        direction: Direction,
        ends: Int8[np.ndarray, " p"],
    ) -> Iterator[PropagatedMasks]:
        """For every frame after the first, the masks of the masklets that have not ended.

        Args:
            clip, prompts, direction: as in `propagate`.
            rows: row numbers of the prompts to propagate.
            ends: by prompt, the reason why its masklet ended. It is filled in here.
        """
        is_reverse, runtime = direction is Direction.BACKWARD, self._runtime
        steps = runtime.steps(n_frames=len(clip.video), reverse=is_reverse)
        at_most = runtime.max_at_once(len(rows), prompts.size)
        frames = runtime.encoded(clip.video.info, clip.frames(direction))
        last = clip.start if is_reverse else clip.stop
        memory = self._prompt_memory(*next(frames), prompts.take(rows), steps, at_most)
        for frame, features in frames:
            visit = _FrameVisit(steps, features, frame, memory, self._min_area_px, is_last=frame.index == last)
            parts = list(runtime.batched(visit.propagate, len(rows), at_most=at_most))
            kept = np.concatenate([part.rows for part in parts])
            ends[rows] = np.concatenate([part.ends for part in parts])
            if len(kept) < len(rows):
                rows = rows[kept]
                memory.keep(torch.from_numpy(kept).to(runtime.model.device))
            if len(rows) == 0:
                return
            if not visit.is_last:
                memory.append(frame.index, FrameMemory.concatenate([part.memory for part in parts if part.memory]))
            yield PropagatedMasks(
                rles=Rles.concatenate(prompts.size, (part.rles for part in parts)),
                prompt=rows.astype(np.int32),
                frame=np.full(len(rows), frame.index, np.int32),
                score=np.concatenate([part.scores for part in parts]),
            )

    def _prompt_memory(
        self, frame: Frame, features: ImageFeatures, prompts: Rles, steps: TrackerSteps, at_most: int
    ) -> ObjectMemory:
        """The memory of the prompts on their own frame."""
        model = self._runtime.model

        def remember(rows: slice) -> FrameMemory:
            masks = torch.from_numpy(prompts.take(range(rows.start, rows.stop)).to_masks())
            output = steps.prompt_masks(features, frame.index, masks[:, None].to(model.device).float())
            return steps.remember(features, output, is_prompt=True)

        parts = list(self._runtime.batched(remember, len(prompts), at_most=at_most))
        return ObjectMemory(Reach.of(model), conditioning={frame.index: FrameMemory.concatenate(parts)})


class Sam2Propagator(MemoryPropagator):
    """Propagates masks as upstream's `SAM2VideoPredictor` does with one object per mask, and gives the same masks."""

    def __init__(
        self,
        model: SAM2Base,
        *,
        dtype: str = "float32",
        min_area_px: int = 100,
        max_hole_area_px: int = 8,
        max_sprinkle_area_px: int = 0,
        max_batch: int | None = None,
        feature_cache_bytes: int = 4 << 30,
        mask_threshold: float = 0.0,
    ) -> None:
        """
        Args:
            model: from `load_sam2`, on the device to work on.
            dtype: "float32", or "bfloat16" for mixed precision: faster on CUDA, with masks a little different.
            min_area_px: a masklet ends where its mask is smaller, in pixels. Smaller prompts are not propagated.
            max_hole_area_px, max_sprinkle_area_px: see `LogitCleanup`. The defaults are upstream's.
            max_batch: masks at once; None for what suits the device. It is halved when memory runs out. On a CPU each
                mask is computed by itself in one thread, and is the same for any value.
            feature_cache_bytes: host memory for image features, so that a frame that is visited again is not encoded
                again. One frame takes 17 MB at 1024 px in float32.
            mask_threshold: masks of prompted objects are where the model's logits are above this.

        Raises:
            SettingsError: an unknown `dtype`, or a `max_batch` less than 1.
        """
        if dtype not in DTYPES:
            raise SettingsError(f"expected {' or '.join(DTYPES)} as SAM 2's dtype, got {dtype!r}")
        runtime = Sam2Runtime(
            model=model,
            encoder=FeatureEncoder(model, cache_bytes=feature_cache_bytes),
            max_batch=max_batch,
            cleanup=LogitCleanup(max_hole_area_px, max_sprinkle_area_px),
            is_mixed=dtype == "bfloat16",
        )
        cost = sam2_cost(model)
        work = cost.frame_work, cost.mask_work
        super().__init__(runtime, work=work, min_area_px=min_area_px, mask_threshold=mask_threshold)


@dataclass(frozen=True)
class _BatchMasks:
    """The masks of a batch on one frame.

    Attributes:
        rows: row numbers in the memory of the masklets that have not ended, ascending.
        rles, scores: one for each of these rows.
        ends: for every row of the batch, why its masklet ended; CLIP where it has not ended.
        memory: of these rows on this frame; None on the last frame, and where all masklets ended.
    """

    rows: Int64[np.ndarray, " k"]
    rles: Rles
    scores: Float32[np.ndarray, " k"]
    ends: Int8[np.ndarray, " n"]
    memory: FrameMemory | None


@dataclass(frozen=True)
class _FrameVisit:
    """One frame, and what is needed to propagate any batch of masks to it."""

    steps: TrackerSteps
    features: ImageFeatures
    frame: Frame
    memory: ObjectMemory
    min_area_px: int
    is_last: bool  # whether no frame follows that would need a memory of this one

    def propagate(self, rows: slice) -> _BatchMasks:
        """Propagate the objects with these rows in the memory to the frame. Nothing is changed."""
        output = self.steps.track(self.features, self.frame.index, self.memory.take(rows))
        rles = rles_at_size(output.logits, self.frame.size)
        numbers = torch.stack([(output.object_score_logits <= 0).float(), output.score]).cpu().numpy()  # one transfer
        is_gone, is_small = numbers[0] > 0, rles.area_px() < self.min_area_px
        kept = np.flatnonzero(~(is_gone | is_small))
        if len(kept) < len(output):
            output = output.take(torch.from_numpy(kept).to(output.logits.device))
        return _BatchMasks(
            rows=rows.start + kept,
            rles=rles.take(kept),
            scores=numbers[1][kept],
            ends=np.select([is_gone, is_small], [End.GONE, End.SMALL], End.CLIP).astype(np.int8),
            memory=None if self.is_last or not len(kept) else self.steps.remember(self.features, output),
        )
