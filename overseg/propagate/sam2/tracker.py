"""What sessions, memories and batches need to know of a model that tracks as SAM 2 does."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch


@runtime_checkable
class TrackerModel(Protocol):
    """A model with SAM 2's design: features of a frame and memories of other frames give masks. `SAM2Base` is one.

    Attributes:
        image_encoder: the module that encodes images.
        image_size: side in pixels of the square that frames are resized to.
        backbone_stride: pixels of that square in one position of the coarsest features.
        hidden_dim, mem_dim: channels of features, and of memory features.
        num_maskmem: frames whose memory features are used at once, with the one that has the prompt.
        memory_temporal_stride_for_eval: frames from one of them to the next.
        max_obj_ptrs_in_encoder: frames whose object pointers are used at once.
    """

    image_encoder: torch.nn.Module
    image_size: int
    backbone_stride: int
    hidden_dim: int
    mem_dim: int
    num_maskmem: int
    memory_temporal_stride_for_eval: int
    max_obj_ptrs_in_encoder: int

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """All weights."""
        ...
