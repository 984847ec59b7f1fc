"""ONNX files that answer whatever picture with what they were made to answer."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NAMES = {0: "mouse", 1: "dog"}


def write_detector(
    path: Path,
    output: np.ndarray,
    *,
    size: tuple[int | str, int | str] = (64, 64),
    channels: int = 3,
    half: bool = False,
    sees_black: bool = True,
    **meta: str,
) -> Path:
    """A file in the layout of ultralytics' exports; the mean of the picture, times 0, is added to the output.

    One that does not see black pictures answers nothing but zeros there.
    """
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    answer = output.astype(np.float16 if half else np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output0"]),
    ]
    if not sees_black:
        nodes[1:] = [
            helper.make_node("Sign", ["mean"], ["is_seen"]),
            helper.make_node("Mul", ["answer", "is_seen"], ["output0"]),
        ]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("images", kind, [1, channels, *size])],
        [helper.make_tensor_value_info("output0", kind, list(output.shape))],
        [
            numpy_helper.from_array(answer, "answer"),
            numpy_helper.from_array(np.zeros((), answer.dtype), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    for name, value in {"names": repr(NAMES), "task": "detect", **meta}.items():
        model.metadata_props.add(key=name, value=value)
    onnx.save(model, str(path))
    return path


def raw(*boxes: tuple[float, float, float, float, float, float], more: int = 0) -> np.ndarray:
    """Centre x and y, width, height, and the scores of mouse and dog, as [1, 6 + more, anchors]."""
    rows = np.array(boxes, np.float32).reshape(-1, 6)
    return np.concatenate([rows, np.full((len(rows), more), 9.0, np.float32)], axis=1).T[None]


def end_to_end(*boxes: tuple[float, float, float, float, float, int]) -> np.ndarray:
    """x1, y1, x2, y2, confidence and category, as [1, n, 6], filled up with zeros as ultralytics does it."""
    return np.concatenate([np.array(boxes, np.float32).reshape(-1, 6), np.zeros((10, 6), np.float32)])[None]
