"""Untrained models of SAM 2's design, changed so that their masks are sure of their borders."""

from typing import Any

import torch

_GAIN = 30.0  # of logits, which are hardly different from 0 otherwise


def steepened(mask_decoder: Any) -> None:
    """Make the logits of a mask decoder, of sam2 or of transformers, this much larger."""
    with torch.no_grad():
        for mlp in mask_decoder.output_hypernetworks_mlps:
            last = mlp.proj_out if hasattr(mlp, "proj_out") else mlp.layers[-1]
            last.weight *= _GAIN
