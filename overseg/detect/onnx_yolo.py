"""Runs detectors from ONNX files in the layout of ultralytics' YOLO exports, with onnxruntime alone."""

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
_CUDA_PROVIDER = "CUDAExecutionProvider"
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxYolo:
    """A detector with named categories. Frames are letterboxed as ultralytics does it."""

    def __init__(self, path: Path, *, device: str = "cpu", min_confidence: float = 0.25) -> None:
        """
        Args:
            path: the file.
            device: "cuda" or "cuda:N" for onnxruntime's CUDA provider, if it is installed; anything else for the CPU.
                The attribute `runs_on` names the one in use.
            min_confidence: detections below it are left out.

        Raises:
            WeightsError: the file is missing, or is not such a detector.
        """
        import onnxruntime

        if not path.is_file():
            raise WeightsError(f"there is no detector {path}; check the path")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors of a file are raised; warnings are hidden
        providers = [*_cuda_provider(device, onnxruntime.get_available_providers()), "CPUExecutionProvider"]
        self._path, self._min_confidence = path, min_confidence
        with _as_weights_errors(path):
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
            self._inputs = self._session.get_inputs()
            self._meta: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.categories = _categories(self._meta, path)
        self._check_layout()

        self.runs_on = _runs_on(device, self._session.get_providers())

    def detect(self, frame: Frame) -> Detections:
        """Detect the objects of a frame, the most confident first; see `stages.Detector`.

        Raises:
            WeightsError: the network's output has another layout, or is not finite.
        """
        box = Letterbox(frame.size, self._input_size(frame.size))
        pixels = box.fill(frame.rgb).transpose(2, 0, 1)[None].astype(np.float32) / 255
        kind = _TYPES[self._inputs[0].type]
        with _as_weights_errors(self._path):
            (output, *_) = self._session.run(None, {self._inputs[0].name: pixels.astype(kind)})
        if output.ndim != 3 or output.shape[0] != 1:
            raise WeightsError(
                f"expected boxes [1, 4 + categories, anchors] or [1, n, 6] from {self._path}, got {output.shape}"
            )
        found = decoded(
            output.astype(np.float32), n_categories=len(self.categories), min_confidence=self._min_confidence
        )
        if len(found) and not 0 <= found.category.min() <= found.category.max() < len(self.categories):
            raise WeightsError(f"{self._path} returns a category without a name; export it again")
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
        """(height, width) of the network's input: its fixed size, or the best fit to the frame if it takes any size."""
        _, _, height, width = self._inputs[0].shape
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        stride = int(_literal(self._meta.get("stride"), _DEFAULT_STRIDE_PX))
        side = _literal(self._meta.get("imgsz"), _DEFAULT_SIDE_PX)
        rectangle = (side, side) if isinstance(side, int) else (int(side[0]), int(side[1]))
        scaled = Letterbox(size, rectangle).scaled_size
        return -(-scaled[0] // stride) * stride, -(-scaled[1] // stride) * stride


def _cuda_provider(device: str, available: list[str]) -> list[tuple[str, dict[str, int]]]:
    """onnxruntime's CUDA provider for this device, where there is one."""
    if not device.startswith("cuda") or _CUDA_PROVIDER not in available:
        return []
    return [(_CUDA_PROVIDER, {"device_id": int(device.partition(":")[2] or 0)})]


def _runs_on(device: str, providers: list[str]) -> str:
    """Where a detector runs, in words. onnxruntime leaves out a provider that does not load."""
    if _CUDA_PROVIDER in providers:
        return device
    if device.startswith("cuda"):
        return "the CPU, as onnxruntime finds no CUDA; on a GPU it needs the package onnxruntime-gpu in its place"
    return "the CPU"


@contextmanager
def _as_weights_errors(path: Path) -> Iterator[None]:
    """Turn all exceptions of onnxruntime into WeightsError; their only common base class is Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    raised = (
        *(errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf, errors.NoModel),
        *(errors.NoSuchFile, errors.NotImplemented, errors.RuntimeException, errors.EPFail),
    )
    try:
        yield
    except (*raised, RuntimeError, ValueError) as e:  # ValueError: text that is not UTF-8
        raise WeightsError(f"{path} is not an ONNX file that can be run: {' '.join(str(e).split())[:200]}") from e


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
