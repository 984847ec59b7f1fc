"""How many masks cross SAM 2 at once: what fits into the device's memory, estimated before it is tried."""

import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2.compile import is_compiled

_CPU_TOKENS = 1024  # image tokens of a batch of compiled graphs; with more, activations leave the processor's caches
_SIDE_BY_SIDE_TOKENS = 16 * 64**2  # of all threads: 16 masks at 1024 px, which take 4 GB, or as many frames
_ACCELERATOR_MAX_BATCH = 64
_USABLE_SHARE = 0.8  # of free device memory; the rest is lost between blocks


def fitting_batch(model: SAM2Base, size: tuple[int, int], *, n_masks: int) -> int:
    """How many of `n_masks` to propagate at once on the model's device; an estimate, at least 1."""
    if model.device.type == "cpu":
        return max(1, _CPU_TOKENS // _n_tokens(model))
    usable_bytes = _USABLE_SHARE * _free_bytes(model.device) - remembered_bytes(model, n_masks)
    return min(max(1, int(usable_bytes / mask_bytes(model, size))), _ACCELERATOR_MAX_BATCH)


def is_side_by_side(model: SAM2Base) -> bool:
    """Whether each mask and each frame is computed by itself in one thread: on a CPU.

    Compiled graphs are not: while one is made, other threads may not run any.
    """
    return model.device.type == "cpu" and not is_compiled(model)


def n_side_by_side(model: SAM2Base) -> int:
    """How many masks or frames are computed at once where each is by itself: one in each thread, if memory bears it."""
    return min(torch.get_num_threads(), max(1, _SIDE_BY_SIDE_TOKENS // _n_tokens(model)))


def remembered_bytes(model: SAM2Base, n_masks: int) -> int:
    """Device memory that the memories of so many masks take, all frames that are looked back at together."""
    return n_masks * model.num_maskmem * model.mem_dim * _n_tokens(model) * 2  # bfloat16


def mask_bytes(model: SAM2Base, size: tuple[int, int]) -> int:
    """Device memory that one mask needs while it crosses the model in float32, counted from its largest tensors."""
    attention = _n_tokens(model) * model.num_maskmem * (3 * model.mem_dim + 5 * model.hidden_dim)  # keys and values
    feedforward = _n_tokens(model) * 20 * model.hidden_dim
    decoder = 16 * _n_tokens(model) * model.hidden_dim // 2  # upscaled twice at an eighth of the channels
    masks = 6 * model.image_size**2
    return 4 * (attention + feedforward + decoder + masks) + 6 * size[0] * size[1]


def _free_bytes(device: torch.device) -> int:
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    free_bytes, _ = torch.cuda.mem_get_info(device)
    return free_bytes + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def _n_tokens(model: SAM2Base) -> int:
    return (model.image_size // model.backbone_stride) ** 2
