"""Carries masks with SAM 2 (Ravi et al., arXiv:2408.00714): upstream's masks, all of a clip side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.frame import Frame
from overseg.data.masks import Masklets
from overseg.data.rles import Rles
from overseg.data.settings import DTYPES
from overseg.errors import DeviceError, InputError, SettingsError
from overseg.propagate.batches import Batches
from overseg.propagate.feature_cache import FeatureCache
from overseg.propagate.sam2_memory import Memory, MemoryBank
from overseg.propagate.sam2_steps import Features, Sam2Steps, Tracked
from overseg.stages import Clip, Direction

_CPU_TOKENS = 1024  # image tokens of all masks at once; with more, activations leave the processor's caches
_CUDA_MAX_BATCH = 64
_USABLE_SHARE = 0.8  # of free device memory; the rest is lost between blocks
_OUT_OF_MEMORY = "try smaller weights (sam2.1_hiera_t), --resize, or --device cpu"


class Sam2Propagator:
    """Carries masks as upstream's `SAM2VideoPredictor` does with one object per mask, and gives the same masks.

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
        max_batch: int | None = None,
        feature_cache_bytes: int = 1 << 30,
    ) -> None:
        """
        Args:
            model: from `load_sam2`, on the device to work on.
            dtype: "float32", or "bfloat16" for mixed precision: faster on CUDA, with masks a little different.
            min_area_px: a masklet ends where its mask is smaller, in pixels. Smaller prompts are not carried.
            max_batch: masks that cross the model at once; None for what suits the device. It is halved where memory
                runs out.
            feature_cache_bytes: host memory for image features, so that a frame that is visited again is not encoded
                again; one frame takes 17 MB at 1024 px in float32.

        Raises:
            SettingsError: an unknown `dtype`.
        """
        if dtype not in DTYPES:
            raise SettingsError(f"expected {' or '.join(DTYPES)} as SAM 2's dtype, got {dtype!r}")
        self._model = model
        self._dtype = dtype
        self._min_area_px = max(1, min_area_px)
        self._max_batch = max_batch
        self._batches = Batches(advice=_OUT_OF_MEMORY)
        self._cache = FeatureCache[Features](max_bytes=feature_cache_bytes, n_bytes=lambda features: features.n_bytes)

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Carry `prompts` to the clip's other end; see `stages.MaskPropagator`.

        Raises:
            InputError: the prompts are masks of another size than the frames.
            DeviceError: memory runs out with a single mask.
        """
        if prompts.size != clip.video.info.size:
            (mask_h, mask_w), (frame_h, frame_w) = prompts.size, clip.video.info.size
            raise InputError(f"expected masks of the frames' size {frame_w}x{frame_h}, got {mask_w}x{mask_h}")
        nothing = _on_frame(0, np.zeros(0, np.int64), [], prompts.size)
        carried = np.flatnonzero(prompts.area_px() >= self._min_area_px)
        if len(carried) == 0 or len(clip) == 1:
            return nothing
        mixed = torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._dtype == "bfloat16")
        with torch.inference_mode(), mixed:
            by_frame = Masklets.concatenate([nothing, *self._land(clip, prompts, carried, direction)])
        return by_frame.take(np.argsort(by_frame.prompt, kind="stable"))  # which keeps the order of distance

    def _land(
        self, clip: Clip, prompts: Rles, carried: Int64[np.ndarray, " n"], direction: Direction
    ) -> Iterator[Masklets]:
        """For every frame after the first: the masks that are still there."""
        steps = Sam2Steps(self._model, n_frames=len(clip.video), reverse=direction is Direction.BACKWARD)
        at_most = self._max_batch or _fitting_batch(self._model, prompts.size, n_masks=len(carried))
        frames = clip.frames(direction)
        last = clip.stop if direction is Direction.FORWARD else clip.start
        bank = self._prompted(clip, next(frames), prompts.take(carried), steps, at_most)
        for frame in frames:
            features = self._features(clip, frame, steps)
            visit = _FrameVisit(steps, features, frame, bank, self._min_area_px, goes_on=frame.index != last)
            landed = list(self._batches.map(visit.land, len(carried), at_most=at_most))
            kept = np.concatenate([part.rows for part in landed])
            if len(kept) < len(carried):
                carried = carried[kept]
                bank.keep(torch.from_numpy(kept).to(self._model.device))
            if len(carried) == 0:
                return
            if visit.goes_on:
                bank.append(frame.index, Memory.concatenate([part.memory for part in landed if part.memory]))
            yield _on_frame(frame.index, carried, landed, prompts.size)

    def _prompted(self, clip: Clip, frame: Frame, prompts: Rles, steps: Sam2Steps, at_most: int) -> MemoryBank:
        """A memory of the prompts on their own frame."""
        features = self._features(clip, frame, steps)

        def remember(rows: slice) -> Memory:
            masks = torch.from_numpy(prompts.take(range(rows.start, rows.stop)).to_masks())
            return steps.remember_prompts(features, frame.index, masks[:, None].to(self._model.device).float())

        parts = list(self._batches.map(remember, len(prompts), at_most=at_most))
        return steps.bank(frame.index, Memory.concatenate(parts))

    def _features(self, clip: Clip, frame: Frame, steps: Sam2Steps) -> Features:
        """Image features of `frame`, from the cache or encoded now."""
        # A frame's number alone does not say which picture it is: another stride or size renumbers or changes it.
        key = (clip.video.info.sha256, frame.index, frame.timestamp_s, frame.size)
        cached = self._cache.get(key)
        if cached is not None:
            return cached.to(self._model.device)
        try:
            features = steps.encode(frame)
        except torch.OutOfMemoryError as e:
            raise DeviceError(f"the device has not enough memory to encode one frame: {_OUT_OF_MEMORY}") from e
        self._cache.put(key, features.to("cpu"))
        return features


@dataclass(frozen=True)
class _Landed:
    """Masks of one batch that are still there on a frame.

    Attributes:
        rows: their row numbers in the bank, ascending.
        rles, scores: one per row.
        memory: what they leave behind; None on the last frame and where no row is left.
    """

    rows: Int64[np.ndarray, " k"]
    rles: Rles
    scores: Float32[np.ndarray, " k"]
    memory: Memory | None


@dataclass(frozen=True)
class _FrameVisit:
    """One frame, and what is needed to carry any batch of masks onto it."""

    steps: Sam2Steps
    features: Features
    frame: Frame
    bank: MemoryBank
    min_area_px: int
    goes_on: bool  # whether another frame follows, which needs a memory of this one

    def land(self, rows: slice) -> _Landed:
        """Carry the masks at these rows of the bank onto the frame; changes nothing."""
        tracked = self.steps.track(self.features, self.frame.index, self.bank, rows)
        masks = self.steps.at_size(tracked, self.frame.size)
        is_there = (tracked.presence_logits > 0) & (masks.sum(dim=(1, 2)) >= self.min_area_px)
        kept = is_there.nonzero()[:, 0]
        tracked, masks = tracked.take(kept), masks[kept]
        return _Landed(
            rows=rows.start + kept.cpu().numpy(),
            rles=_encoded(masks),
            scores=_scores(tracked),
            memory=self.steps.remember(self.features, tracked) if self.goes_on and len(kept) else None,
        )


def _scores(tracked: Tracked) -> Float32[np.ndarray, " n"]:
    presence = tracked.presence_logits.float().sigmoid()
    return (presence * tracked.predicted_iou.float().clamp(0, 1)).cpu().numpy()


def _encoded(masks: torch.Tensor) -> Rles:
    """Boolean masks [n, h, w] as RLE. Turned column by column on the device, where that is cheap."""
    by_column = masks.transpose(1, 2).contiguous().cpu().numpy()
    return Rles.from_masks(by_column.transpose(0, 2, 1))


def _on_frame(frame: int, prompt: Int64[np.ndarray, " k"], landed: list[_Landed], size: tuple[int, int]) -> Masklets:
    """The masks of all batches on one frame."""
    return Masklets(
        rles=Rles.concatenate(size, (part.rles for part in landed)),
        prompt=prompt.astype(np.int32),
        frame=np.full(len(prompt), frame, np.int32),
        score=np.concatenate([np.zeros(0, np.float32), *(part.scores for part in landed)]).astype(np.float32),
    )


def _fitting_batch(model: SAM2Base, size: tuple[int, int], *, n_masks: int) -> int:
    """How many of `n_masks` to carry at once on the model's device; an estimate, at least 1."""
    if model.device.type != "cuda":
        return max(1, _CPU_TOKENS // _n_tokens(model))
    free_bytes, _ = torch.cuda.mem_get_info(model.device)
    held_bytes = torch.cuda.memory_reserved(model.device) - torch.cuda.memory_allocated(model.device)
    remembered_bytes = n_masks * model.num_maskmem * model.mem_dim * _n_tokens(model) * 2  # bfloat16
    usable_bytes = _USABLE_SHARE * (free_bytes + held_bytes) - remembered_bytes
    return min(max(1, int(usable_bytes / _mask_bytes(model, size))), _CUDA_MAX_BATCH)


def _mask_bytes(model: SAM2Base, size: tuple[int, int]) -> int:
    """Device memory that one mask needs while it crosses the model in float32, counted from its largest tensors."""
    attention = _n_tokens(model) * model.num_maskmem * (3 * model.mem_dim + 5 * model.hidden_dim)  # keys and values
    feedforward = _n_tokens(model) * 20 * model.hidden_dim
    decoder = 16 * _n_tokens(model) * model.hidden_dim // 2  # upscaled twice at an eighth of the channels
    masks = 6 * model.image_size**2
    return 4 * (attention + feedforward + decoder + masks) + 6 * size[0] * size[1]


def _n_tokens(model: SAM2Base) -> int:
    return (model.image_size // model.backbone_stride) ** 2
