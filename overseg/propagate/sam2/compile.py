"""SAM 2's parts as compiled graphs, for devices where starting single operations takes the time."""

import torch
from sam2.modeling.sam2_base import SAM2Base


def compile_parts(model: SAM2Base, *, backend: str = "inductor") -> None:
    """Let `torch.compile` take over the model's parts, each as one graph without a break, from their next call on.

    The numbers of masks and of their memories vary, so graphs are made for any; the frames' size does not.

    Args:
        model: from `load_sam2`.
        backend: as `torch.compile` takes it.
    """
    with torch.inference_mode():  # fills the caches of positional encodings, which would else change within a graph
        model.forward_image(torch.zeros(1, 3, model.image_size, model.image_size, device=model.device))
    model.image_encoder.compile(backend=backend, dynamic=False)
    for part in (model.memory_attention, model.memory_encoder, model.sam_prompt_encoder, model.sam_mask_decoder):
        part.compile(backend=backend, dynamic=True)


def is_compiled(model: SAM2Base) -> bool:
    """Whether `compile_parts` was called on this model."""
    return model.image_encoder._compiled_call_impl is not None
