"""The model and its memory: what propagating masks with SAM 2 needs, whatever the masks come from."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.batching import Batches, SideBySide, enough_memory
from overseg.data.frame import Frame
from overseg.data.video_info import VideoInfo
from overseg.errors import SettingsError
from overseg.propagate.sam2.batch import fitting_batch, is_side_by_side, n_side_by_side
from overseg.propagate.sam2.features import OUT_OF_MEMORY, Features, FrameEncoder
from overseg.propagate.sam2.steps import Sam2Steps, SmallRegions
from overseg.side_by_side import in_one_thread, side_by_side

Part = TypeVar("Part")


class Sam2Work:
    """A model, the features of frames it has seen, and how many masks fit beside it.

    On a CPU each frame is encoded and each mask propagated by itself in one thread, as many side by side as there are
    threads. MKL and oneDNN add up in another order with other threads and other batches, and a last bit that differs
    grows to pixels on the way; so the masks are the same, to the last bit, on any number of threads.

    Attributes:
        model: from `load_sam2`.
    """

    def __init__(
        self,
        model: SAM2Base,
        *,
        encoder: FrameEncoder,
        small_regions: SmallRegions,
        max_batch: int | None = None,
        is_mixed: bool = False,
    ) -> None:
        """
        Args:
            model: from `load_sam2`.
            encoder: of the same model.
            small_regions: which of them are mended.
            max_batch: masks at once; None for what suits the device.
            is_mixed: whether to compute in mixed precision with bfloat16.

        Raises:
            SettingsError: `max_batch` is less than 1.
        """
        if max_batch is not None and max_batch < 1:
            raise SettingsError(f"expected at least 1 mask at once as max_batch, or None, got {max_batch}")
        self.model = model
        self._encoder = encoder
        self._is_side_by_side = is_side_by_side(model)
        self._batches = (SideBySide if self._is_side_by_side else Batches)(row="mask", advice=OUT_OF_MEMORY)
        self._small_regions = small_regions
        self._max_batch = max_batch
        self._is_mixed = is_mixed

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The context in which the model computes.

        Raises:
            DeviceError: memory ran out, and smaller batches do not help.
        """
        enough = enough_memory(for_="for what all masks together leave behind", advice=OUT_OF_MEMORY)
        with enough, self._inferring():
            yield

    def features(self, video: VideoInfo, frame: Frame) -> Features:
        """Image features of a frame of `video`, on the model's device.

        Raises:
            DeviceError: memory runs out.
        """
        encode = in_one_thread(self._encoder.features) if self._is_side_by_side else self._encoder.features
        return encode(video, frame)

    def encoded(self, video: VideoInfo, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Features]]:
        """Frames with their image features, in order; a CPU encodes as many ahead as it has threads.

        Raises:
            DeviceError: memory runs out.
        """

        def encode(frame: Frame) -> tuple[Frame, Features]:
            with self._inferring():
                return frame, self._encoder.features(video, frame)

        if self._is_side_by_side:
            return side_by_side(encode, frames, at_once=n_side_by_side(self.model))
        return map(encode, frames)

    def batched(self, work: Callable[[slice], Part], n: int, *, at_most: int) -> Iterator[Part]:
        """`work` on n masks, part by part in order, as many at once as fit. It may be tried again, and must not mind.

        Raises:
            DeviceError: memory runs out with a single mask.
        """

        def compute(rows: slice) -> Part:
            with self._inferring():
                return work(rows)

        return self._batches.map(compute, n, at_most=at_most)

    def steps(self, *, n_frames: int, reverse: bool) -> Sam2Steps:
        """The model's steps in a video of `n_frames`, gone through in reverse order of time or not."""
        return Sam2Steps(self.model, n_frames=n_frames, reverse=reverse, small_regions=self._small_regions)

    def at_most(self, n_masks: int, size: tuple[int, int]) -> int:
        """How many of `n_masks` to propagate at once through frames of this size."""
        if self._max_batch is not None:
            return self._max_batch
        if self._is_side_by_side:
            return n_side_by_side(self.model)
        return fitting_batch(self.model, size, n_masks=n_masks)

    @contextmanager
    def _inferring(self) -> Iterator[None]:
        """Inference in the precision of the work, in the calling thread alone: another one does not inherit it."""
        mixed = torch.autocast(self.model.device.type, torch.bfloat16, enabled=self._is_mixed)
        with torch.inference_mode(), mixed:
            yield
