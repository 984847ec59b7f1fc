"""Detectors as ONNX files in the layout in which ultralytics exports YOLO: run by onnxruntime alone."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.detect.letterbox import Letterbox
from overseg.detect.yolo_output import decoded
from overseg.errors import WeightsError

_DEFAULT_SIDE_PX, _DEFAULT_STRIDE_PX = 640, 32
_TASKS = ("detect", "segment")  # whose output begins with boxes
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxYolo:
    """A detector. It sees a frame letterboxed, as ultralytics shows it to one, and finds boxes of named categories."""

    def __init__(self, path: Path, *, device: str = "cpu", min_confidence: float = 0.25) -> None:
        """
        Args:
            path: the file.
            device: "cuda" or "cuda:N" for onnxruntime's CUDA, where that is installed; anything else for the CPU.
            min_confidence: what is less sure is not told.

        Raises:
            WeightsError: there is no such file, or it holds no such detector.
        """
        import onnxruntime

        if not path.is_file():
            raise WeightsError(f"there is no detector {path}; check the path")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # what is wrong with a file is raised; the rest is not for people
        wanted = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
        known = [one for one in wanted if one in onnxruntime.get_available_providers()]
        self._path, self._min_confidence = path, min_confidence
        with _broken_told(path):
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=[*known, "CPUExecutionProvider"], enable_fallback=0
            )
            self._inputs = self._session.get_inputs()
            self._meta: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.categories = _categories(self._meta, path)
        self._check_layout()

    def detect(self, frame: Frame) -> Detections:
        """What is on a frame, the surest first; see `stages.Detector`.

        Raises:
            WeightsError: the network answers in another layout, or not with numbers.
        """
        box = Letterbox(frame.size, self._input_size(frame.size))
        pixels = box.fill(frame.rgb).transpose(2, 0, 1)[None].astype(np.float32) / 255
        kind = _TYPES[self._inputs[0].type]
        with _broken_told(self._path):
            (output, *_) = self._session.run(None, {self._inputs[0].name: pixels.astype(kind)})
        if output.ndim != 3 or output.shape[0] != 1:
            raise WeightsError(
                f"expected boxes [1, 4 + categories, anchors] or [1, n, 6] from {self._path}, got {output.shape}"
            )
        found = decoded(
            output.astype(np.float32), n_categories=len(self.categories), min_confidence=self._min_confidence
        )
        if len(found) and not 0 <= found.category.min() <= found.category.max() < len(self.categories):
            raise WeightsError(f"{self._path} finds a category that it has no name for; export it again")
        return Detections(box.in_picture(found.boxes_xyxy), found.confidence, found.category)

    def _check_layout(self) -> None:
        (first, *others) = self._inputs
        if others or len(first.shape) != 4 or first.shape[1] not in (3, None) or first.type not in _TYPES:
            raise WeightsError(
                f"expected a detector with one input, a picture [1, 3, height, width], in {self._path}, "
                f"got {first.name} {first.type} {first.shape}; export it with `yolo export format=onnx`"
            )
        task = self._meta.get("task", "detect")
        if task not in _TASKS:
            raise WeightsError(f"expected a detector in {self._path}, got a network for the task {task!r}")

    def _input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the network's input: its own, or where any will do, what fits the frame best."""
        _, _, height, width = self._inputs[0].shape
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        stride = int(_literal(self._meta.get("stride"), _DEFAULT_STRIDE_PX))
        side = _literal(self._meta.get("imgsz"), _DEFAULT_SIDE_PX)
        rectangle = (side, side) if isinstance(side, int) else (int(side[0]), int(side[1]))
        scaled = Letterbox(size, rectangle).scaled_size
        return -(-scaled[0] // stride) * stride, -(-scaled[1] // stride) * stride


@contextmanager
def _broken_told(path: Path) -> Iterator[None]:
    """One line for whatever onnxruntime raises of a file; its classes have no other base than Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    raised = (
        *(errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf, errors.NoModel),
        *(errors.NoSuchFile, errors.NotImplemented, errors.RuntimeException, errors.EPFail),
    )
    try:
        yield
    except (*raised, RuntimeError, ValueError) as e:  # ValueError: text in it that is no UTF-8
        raise WeightsError(f"{path} is no ONNX file that can be run: {' '.join(str(e).split())[:200]}") from e


def _categories(meta: dict[str, str], path: Path) -> tuple[str, ...]:
    names = _literal(meta.get("names"), None)
    if isinstance(names, list | tuple):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or sorted(names) != list(range(len(names))) or not names:
        raise WeightsError(
            f"expected the names of categories in the metadata `names` of {path}, as ultralytics writes them, "
            f"got {meta.get('names')!r}"
        )
    return tuple(str(names[number]) for number in range(len(names)))


def _literal(text: str | None, otherwise: Any) -> Any:
    try:
        return otherwise if text is None else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return otherwise
