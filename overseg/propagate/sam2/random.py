"""SAM 2 models with seeded random weights, scaled so that their masks are neither empty nor full nor all the same.

They track nothing. But a mask depends on all frames before it, so that two implementations can be compared.
"""

from pathlib import Path

import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2.model import Sam2Variant, build_sam2_model

_SEED = 0
_ATTENTION_GAIN = 6.0  # with less, memories hardly change a mask; with more, rounding errors grow to pixels
_PRESENCE_BIAS = 3.0  # an untrained model reports about half of all objects as absent


def save_random_sam2(path: Path, version: str, *, size: str = "t") -> Path:
    """Write a checkpoint with random weights, in the format of Meta's checkpoints, and return its path."""
    torch.save({"model": random_sam2(version, size=size).state_dict()}, path)
    return path


def random_sam2(version: str, *, size: str = "t") -> SAM2Base:
    """An untrained model of version "2" or "2.1", built as upstream builds it."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(_SEED)
        model = build_sam2_model(Sam2Variant(version, size))
        for layer in model.memory_attention.layers:
            attention = layer.cross_attn_image
            for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
                linear.weight *= _ATTENTION_GAIN
        for mlp in model.sam_mask_decoder.output_hypernetworks_mlps:
            mlp.layers[-1].bias.zero_()
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(_PRESENCE_BIAS)
    return model.eval()
