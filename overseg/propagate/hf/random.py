"""Models of transformers with seeded random weights, scaled so that their masks are neither empty nor full.

They track nothing. But a mask depends on all frames before it, so that two implementations can be compared.
"""

from pathlib import Path
from typing import Any

import torch

from overseg.propagate.hf.family import HfFamily
from overseg.transformers_extra import import_transformers

_WEIGHT_SPREAD = 0.08  # of transformers' initial weights, 0.02 by default, at which features fade from layer to layer
_ATTENTION_GAIN = 4.0  # with less, memories hardly change a mask
_PRESENCE_BIAS = 3.0  # an untrained model reports about half of all objects as absent


def save_random(folder: Path, family: HfFamily, config: Any = None, *, seed: int = 0) -> Path:
    """Write a folder of weights as transformers writes it, and return it."""
    random_model(family, config, seed=seed).save_pretrained(folder)
    return folder


def random_model(family: HfFamily, config: Any = None, *, seed: int = 0) -> Any:
    """An untrained model, small without a configuration."""
    transformers = import_transformers(family.title)
    config = config or family.small()
    config.initializer_range = _WEIGHT_SPREAD
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = getattr(transformers, family.model)(config)
        for layer in model.memory_attention.layers:
            attention = layer.cross_attn_image
            for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
                linear.weight *= _ATTENTION_GAIN
        for parameter in (model.memory_temporal_positional_encoding, model.no_memory_embedding):
            torch.nn.init.normal_(parameter, std=_WEIGHT_SPREAD)
        for mlp in model.mask_decoder.output_hypernetworks_mlps:
            torch.nn.init.zeros_(mlp.proj_out.bias)
        torch.nn.init.constant_(model.mask_decoder.pred_obj_score_head.proj_out.bias, _PRESENCE_BIAS)
    return model.eval()
