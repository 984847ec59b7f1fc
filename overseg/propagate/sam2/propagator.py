"""Propagates masks with SAM 2 (Ravi et al., arXiv:2408.00714): upstream's masks, all of a clip side by side."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from jaxtyping import Int8, Int64
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.frame import Frame
from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.settings import DTYPES
from overseg.data.shot import Shot
from overseg.errors import InputError, SettingsError
from overseg.propagate.sam2.features import Features, FrameEncoder
from overseg.propagate.sam2.landing import FrameVisit, on_frame
from overseg.propagate.sam2.memory import Memory, MemoryBank
from overseg.propagate.sam2.session import Sam2Session
from overseg.propagate.sam2.steps import AS_UPSTREAM, Sam2Steps, SmallRegions
from overseg.propagate.sam2.work import Sam2Work
from overseg.stages import Clip, Direction, Video


class Sam2Propagator:
    """Propagates masks as upstream's `SAM2VideoPredictor` does with one object per mask, and gives the same masks.

    Every frame of a clip is encoded once, whatever the number of masks. A mask's score is the model's probability
    that the object is in the picture times its own estimate of the mask's IoU. Unlike upstream, a masklet that has
    ended stays ended: it ends where the model says that the object is gone, or its mask is too small.
    """

    def __init__(
        self,
        model: SAM2Base,
        *,
        dtype: str = "float32",
        min_area_px: int = 100,
        small_regions: SmallRegions = AS_UPSTREAM,
        max_batch: int | None = None,
        feature_cache_bytes: int = 4 << 30,
        mask_threshold: float = 0.0,
    ) -> None:
        """
        Args:
            model: from `load_sam2`, on the device to work on.
            dtype: "float32", or "bfloat16" for mixed precision: faster on CUDA, with masks a little different.
            min_area_px: a masklet ends where its mask is smaller, in pixels. Smaller prompts are not propagated.
            small_regions: which holes of masks are filled, and which of their islands removed.
            max_batch: masks that cross the model at once; None for what suits the device. It is halved where memory
                runs out. On a CPU each of them is computed by itself in one thread, and comes out the same with any.
            feature_cache_bytes: host memory for image features, so that a frame that is visited again is not encoded
                again; one frame takes 17 MB at 1024 px in float32.
            mask_threshold: masks of objects that are followed lie where the model's logits are above this.

        Raises:
            SettingsError: an unknown `dtype`, or a `max_batch` less than 1.
        """
        if dtype not in DTYPES:
            raise SettingsError(f"expected {' or '.join(DTYPES)} as SAM 2's dtype, got {dtype!r}")
        self._min_area_px = max(1, min_area_px)
        self._mask_threshold = mask_threshold
        self._work = Sam2Work(
            model=model,
            encoder=FrameEncoder(model, dtype=getattr(torch, dtype), cache_bytes=feature_cache_bytes),
            max_batch=max_batch,
            small_regions=small_regions,
            is_mixed=dtype == "bfloat16",
        )

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """An image encoder's pass for a frame, memory and decoder for the masks; see `stages.MaskPropagator`."""
        return n_frames + 0.3 * n_masks

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Propagate `prompts` to the clip's other end; see `stages.MaskPropagator`.

        Raises:
            InputError: the prompts are masks of another size than the frames.
            DeviceError: memory runs out, and smaller batches do not help.
        """
        if prompts.size != clip.video.info.size:
            (mask_h, mask_w), (frame_h, frame_w) = prompts.size, clip.video.info.size
            raise InputError(f"expected masks of the frames' size {frame_w}x{frame_h}, got {mask_w}x{mask_h}")
        ends = np.full(len(prompts), End.CLIP, np.int8)
        if len(clip) == 1:
            return Masklets.in_order([], ends, prompts.size)
        is_small = prompts.area_px() < self._min_area_px
        ends[is_small] = End.SMALL
        propagated = np.flatnonzero(~is_small)
        if len(propagated) == 0:
            return Masklets.in_order([], ends, prompts.size)
        with self._work.computing():
            steps = list(self._land(clip, prompts, propagated, direction, ends))
        return Masklets.in_order(steps, ends, prompts.size)

    def session(self, video: Video, *, correctable: bool = True, corrections_condition: bool = False) -> Sam2Session:
        """Objects of `video` to prompt, propagate, correct and propagate on by hand; see there."""
        return Sam2Session(
            self._work,
            video,
            correctable=correctable,
            corrections_condition=corrections_condition,
            mask_threshold=self._mask_threshold,
        )

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Propagate objects from their prompts through a whole shot; see `stages.PromptedPropagator`.

        Raises:
            InputError: a prompt that cannot be; see `Prompts.check`.
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

    def _land(
        self,
        clip: Clip,
        prompts: Rles,
        propagated: Int64[np.ndarray, " n"],
        direction: Direction,
        ends: Int8[np.ndarray, " p"],
    ) -> Iterator[PropagatedMasks]:
        """For every frame after the first: the masks that are still there; `ends` is told of the others, by prompt."""
        is_reverse, work = direction is Direction.BACKWARD, self._work
        steps = work.steps(n_frames=len(clip.video), reverse=is_reverse)
        at_most = work.at_most(len(propagated), prompts.size)
        frames = work.encoded(clip.video.info, clip.frames(direction))
        last = clip.start if is_reverse else clip.stop
        bank = self._prompted(*next(frames), prompts.take(propagated), steps, at_most)
        for frame, features in frames:
            visit = FrameVisit(steps, features, frame, bank, self._min_area_px, goes_on=frame.index != last)
            landed = list(work.batched(visit.land, len(propagated), at_most=at_most))
            kept = np.concatenate([part.rows for part in landed])
            ends[propagated] = np.concatenate([part.ends for part in landed])
            if len(kept) < len(propagated):
                propagated = propagated[kept]
                bank.keep(torch.from_numpy(kept).to(work.model.device))
            if len(propagated) == 0:
                return
            if visit.goes_on:
                bank.append(frame.index, Memory.concatenate([part.memory for part in landed if part.memory]))
            yield on_frame(frame.index, propagated, landed, prompts.size)

    def _prompted(self, frame: Frame, features: Features, prompts: Rles, steps: Sam2Steps, at_most: int) -> MemoryBank:
        """A memory of the prompts on their own frame."""
        work, model = self._work, self._work.model

        def remember(rows: slice) -> Memory:
            masks = torch.from_numpy(prompts.take(range(rows.start, rows.stop)).to_masks())
            given = steps.take_masks(features, frame.index, masks[:, None].to(model.device).float())
            return steps.remember_prompted(features, given.logits, given.presence_logits, given.pointer)

        parts = list(work.batched(remember, len(prompts), at_most=at_most))
        return MemoryBank(
            frame.index,
            Memory.concatenate(parts),
            n_spatial=model.num_maskmem,
            stride=model.memory_temporal_stride_for_eval,
            n_pointers=model.max_obj_ptrs_in_encoder,
        )
