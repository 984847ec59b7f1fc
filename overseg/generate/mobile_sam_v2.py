"""Reads MobileSAMv2's weights (Zhang et al., arXiv:2312.09579; Apache-2.0): a decoder and an image encoder, apart.

The decoder and its prompt encoder have the modules of segment_anything. They were trained for boxes; its detector of
boxes is not used here, where a grid of points prompts.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from overseg.errors import WeightsError
from overseg.weights.state_dict import read_state_dict

DECODER_FILE = "Prompt_guided_Mask_Decoder.pt"
_DETECTOR_FILE = "ObjectAware.pt"
_PARTS = {"PromtEncoder.": "prompt_encoder.", "MaskDecoder.": "mask_decoder."}  # spelled as in the file
_ENCODER = "image_encoder."


def is_mobile_sam_v2(folder: Path) -> bool:
    """Whether a folder holds MobileSAMv2's decoder."""
    return (folder / DECODER_FILE).is_file()


def holds_decoder_alone(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether weights are MobileSAMv2's decoder, without an image encoder."""
    return any(name.startswith(tuple(_PARTS)) for name in state)


def read_mobile_sam_v2(folder: Path) -> dict[str, torch.Tensor]:
    """A state dict of SAM from the decoder in a folder, and the one image encoder beside it.

    The encoder is MobileSAM's, or that of SAM ViT, each alone or in a checkpoint of a whole model.

    Raises:
        WeightsError: there is no encoder or more than one, a file is damaged, or the encoder is EfficientViT's.
    """
    others = sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".pt", ".pth") and path.name not in (DECODER_FILE, _DETECTOR_FILE)
    )
    if len(others) != 1:
        found = ", ".join(path.name for path in others) or "none"
        raise WeightsError(
            f"expected one image encoder (.pt or .pth) beside {DECODER_FILE} in {folder}, got {found}; such as "
            "mobile_sam.pt, or MobileSAMv2's sam_vit_h.pt"
        )
    return _decoder(folder / DECODER_FILE) | _encoder(others[0])


def _decoder(path: Path) -> dict[str, torch.Tensor]:
    state = read_state_dict(path)
    if not all(name.startswith(tuple(_PARTS)) for name in state):
        raise WeightsError(f"expected MobileSAMv2's decoder in {path}, got other weights; fetch it again")
    renamed = {}
    for name, value in state.items():
        part, dot, rest = name.partition(".")
        renamed[_PARTS[part + dot] + rest] = value
    return renamed


def _encoder(path: Path) -> dict[str, torch.Tensor]:
    state = read_state_dict(path)
    if any("backbone." in name for name in state):
        raise WeightsError(
            f"expected MobileSAM's image encoder or that of SAM ViT in {path}, got EfficientViT's, which "
            "segment_anything's modules cannot hold; use mobile_sam.pt, or MobileSAMv2's sam_vit_h.pt"
        )
    if not any(name.startswith(_ENCODER) for name in state):
        return {f"{_ENCODER}{name}": value for name, value in state.items()}
    return {name: value for name, value in state.items() if name.startswith(_ENCODER)}
