"""The model and its memory: what carrying masks with SAM 2 needs, whatever the masks come from."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.errors import SettingsError
from overseg.propagate.batches import Batches, enough_memory
from overseg.propagate.sam2_batch import fitting_batch
from overseg.propagate.sam2_features import OUT_OF_MEMORY, FrameEncoder
from overseg.propagate.sam2_steps import Sam2Steps, SmallRegions


class Sam2Work:
    """A model, the features of frames it has seen, and how many masks fit beside it.

    Attributes:
        model: from `load_sam2`.
        encoder: gives image features, and finds again those that it gave before.
        batches: remembers how many masks fit.
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
        self.encoder = encoder
        self.batches = Batches(advice=OUT_OF_MEMORY)
        self._small_regions = small_regions
        self._max_batch = max_batch
        self._is_mixed = is_mixed

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The context in which the model computes.

        Raises:
            DeviceError: memory ran out, and smaller batches do not help.
        """
        mixed = torch.autocast(self.model.device.type, torch.bfloat16, enabled=self._is_mixed)
        enough = enough_memory(for_="for what all masks together leave behind", advice=OUT_OF_MEMORY)
        with enough, torch.inference_mode(), mixed:
            yield

    def steps(self, *, n_frames: int, reverse: bool) -> Sam2Steps:
        """The model's steps in a video of `n_frames`, gone through in reverse order of time or not."""
        return Sam2Steps(self.model, n_frames=n_frames, reverse=reverse, small_regions=self._small_regions)

    def at_most(self, n_masks: int, size: tuple[int, int]) -> int:
        """How many of `n_masks` to carry at once through frames of this size."""
        if self._max_batch is not None:
            return self._max_batch
        return fitting_batch(self.model, size, n_masks=n_masks)
