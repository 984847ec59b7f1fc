"""How SAM 2 computes on a device: in which precision, in how many threads, and how many masks at once."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import TypeVar

import torch

from overseg.batching import Batches, SideBySide, enough_memory, memory_gib
from overseg.data.frame import Frame
from overseg.data.video_info import VideoInfo
from overseg.errors import SettingsError
from overseg.propagate.sam2.features import ADVICE, FeatureEncoder, ImageFeatures, frames_at_once
from overseg.propagate.sam2.logit_cleanup import LogitCleanup
from overseg.propagate.sam2.model import is_compiled
from overseg.propagate.sam2.steps import Sam2Steps, TrackerSteps
from overseg.propagate.sam2.tracker import TrackerModel
from overseg.side_by_side import ahead, in_one_thread, side_by_side

_CPU_TOKENS = 1024  # image tokens in a batch of compiled graphs; with more, activations exceed the processor's caches
_SIDE_BY_SIDE_TOKENS = 16 * 64**2  # of all threads: 16 masks at 1024 px, which take 4 GB, or as many frames
_ACCELERATOR_MAX_BATCH = 64
_USABLE_SHARE = 0.65  # of a device's memory; the rest is the generator's, other programs', and lost between blocks

Result = TypeVar("Result")


class Sam2Runtime:
    """A model, the cached features of frames, and the batches of masks that fit into the device's memory.

    On a CPU each frame is encoded, and each mask propagated, by itself in one thread; several threads work at once.
    MKL and oneDNN add numbers in another order with another number of threads or another batch size. The last bit of a
    logit then differs, and over frames the difference grows to pixels. Computed one by one, the masks are the same, to
    the last bit, on any number of threads.

    Attributes:
        model: from `load_sam2`, or another one of its design.
    """

    def __init__(
        self,
        model: TrackerModel,
        *,
        encoder: FeatureEncoder,
        cleanup: LogitCleanup,
        max_batch: int | None = None,
        is_mixed: bool = False,
        steps: Callable[..., TrackerSteps] = Sam2Steps,
    ) -> None:
        """
        Args:
            model: from `load_sam2`, or another one of its design.
            encoder: of the same model.
            cleanup: the small regions of masks to fill and to remove.
            max_batch: masks at once; None for what suits the device.
            is_mixed: whether to compute in mixed precision with bfloat16.
            steps: makes the model's steps; it takes what `Sam2Steps` takes.

        Raises:
            SettingsError: `max_batch` is less than 1.
        """
        if max_batch is not None and max_batch < 1:
            raise SettingsError(f"expected at least 1 mask at once as max_batch, or None, got {max_batch}")
        self.model = model
        self._encoder = encoder
        self._is_side_by_side = is_side_by_side(model)
        self._batches = (
            SideBySide(row="mask", advice=ADVICE)
            if self._is_side_by_side
            else Batches(row="mask", advice=ADVICE, powers_of_two=is_compiled(model))
        )
        self._cleanup = cleanup
        self._max_batch = max_batch
        self._is_mixed = is_mixed
        self._steps = steps

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The context in which the model computes.

        Raises:
            DeviceError: memory runs out outside of `batched`.
        """
        with enough_memory(for_="for the memories of all masks", advice=ADVICE), self._inference():
            yield

    def features(self, video: VideoInfo, frame: Frame) -> ImageFeatures:
        """Image features of a frame of `video`, on the model's device.

        Raises:
            DeviceError: memory runs out.
        """
        encode = in_one_thread(self._encoder.features) if self._is_side_by_side else self._encoder.features
        return encode(video, frame)

    def encoded(self, video: VideoInfo, frames: Iterable[Frame]) -> Iterator[tuple[Frame, ImageFeatures]]:
        """Frames with their image features, in order.

        A CPU encodes one frame in each thread, ahead of their use. For an accelerator, a thread decodes and resizes
        frames ahead, and several are encoded at once.

        Raises:
            DeviceError: memory runs out.
        """
        if not self._is_side_by_side:
            return self._encoded_in_batches(video, frames)

        def encode(frame: Frame) -> tuple[Frame, ImageFeatures]:
            with self._inference():
                return frame, self._encoder.features(video, frame)

        return side_by_side(encode, frames, at_once=n_side_by_side(self.model))

    def _encoded_in_batches(self, video: VideoInfo, frames: Iterable[Frame]) -> Iterator[tuple[Frame, ImageFeatures]]:
        def resized(frame: Frame) -> tuple[Frame, torch.Tensor]:
            return frame, self._encoder.pixels(frame)

        n = frames_at_once(self.model)
        waiting = ahead(resized, frames, n_ahead=2 * n)
        with closing(waiting):
            while batch := list(islice(waiting, n)):
                with self._inference():
                    features = self._encoder.batch(video, batch)
                yield from zip((frame for frame, _ in batch), features, strict=True)

    def batched(self, work: Callable[[slice], Result], n: int, *, at_most: int) -> Iterator[Result]:
        """The result of `work` for each batch of n masks, in order.

        Args:
            work: takes the rows of a batch. It is called again for the same rows when memory ran out.
            n: number of masks.
            at_most: masks at once, from `max_at_once`.

        Raises:
            DeviceError: memory runs out with a single mask.
        """

        def compute(rows: slice) -> Result:
            with self._inference():
                return work(rows)

        return self._batches.map(compute, n, at_most=at_most)

    def steps(self, *, n_frames: int, reverse: bool) -> TrackerSteps:
        """The model's steps in a video of `n_frames`, visited in reverse order of time or not."""
        return self._steps(self.model, n_frames=n_frames, reverse=reverse, cleanup=self._cleanup)

    def max_at_once(self, n_masks: int, size: tuple[int, int]) -> int:
        """How many of `n_masks` to propagate at once through frames of this (height, width)."""
        if self._max_batch is not None:
            return self._max_batch
        if self._is_side_by_side:
            return n_side_by_side(self.model)
        return fitting_batch(self.model, size, n_masks=n_masks)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """Inference mode in the precision of this runtime. It holds for the calling thread only."""
        mixed = torch.autocast(self.model.device.type, torch.bfloat16, enabled=self._is_mixed)
        with torch.inference_mode(), mixed:
            yield


def is_side_by_side(model: TrackerModel) -> bool:
    """Whether each mask and each frame is computed by itself in one thread: on a CPU, without compiled graphs.

    While one thread makes a compiled graph, other threads may not run any.
    """
    return model.device.type == "cpu" and not is_compiled(model)


def n_side_by_side(model: TrackerModel) -> int:
    """How many masks or frames are computed at once where each is by itself: one a thread, as far as memory allows."""
    return min(torch.get_num_threads(), max(1, _SIDE_BY_SIDE_TOKENS // _n_tokens(model)))


def fitting_batch(model: TrackerModel, size: tuple[int, int], *, n_masks: int) -> int:
    """How many of `n_masks` fit into the memory of the model's device at once: an estimate, at least 1.

    It follows from the device's whole memory and not from what is free, so that a busy device gives the same masks.
    `size` is the frames' (height, width).
    """
    if model.device.type == "cpu":
        return max(1, _CPU_TOKENS // _n_tokens(model))
    return fitting_into(memory_gib(model.device), model, size, n_masks=n_masks)


def fitting_into(gib: int, model: TrackerModel, size: tuple[int, int], *, n_masks: int) -> int:
    """`fitting_batch` on an accelerator with this much memory, in GiB."""
    usable_bytes = _USABLE_SHARE * gib * (1 << 30) - weights_bytes(model) - remembered_bytes(model, n_masks)
    return min(max(1, int(usable_bytes / mask_bytes(model, size))), _ACCELERATOR_MAX_BATCH)


def weights_bytes(model: TrackerModel) -> int:
    """Device memory for the model itself."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def remembered_bytes(model: TrackerModel, n_masks: int) -> int:
    """Device memory for the memory features of `n_masks` on all frames within their reach."""
    return n_masks * model.num_maskmem * model.mem_dim * _n_tokens(model) * 2  # bfloat16


def mask_bytes(model: TrackerModel, size: tuple[int, int]) -> int:
    """Device memory for propagating one mask in float32, counted from its largest tensors."""
    attention = _n_tokens(model) * model.num_maskmem * (3 * model.mem_dim + 5 * model.hidden_dim)  # keys and values
    feedforward = _n_tokens(model) * 20 * model.hidden_dim
    decoder = 16 * _n_tokens(model) * model.hidden_dim // 2  # upscaled twice, at an eighth of the channels
    masks = 6 * model.image_size**2
    return 4 * (attention + feedforward + decoder + masks) + 6 * size[0] * size[1]


def _n_tokens(model: TrackerModel) -> int:
    return (model.image_size // model.backbone_stride) ** 2
