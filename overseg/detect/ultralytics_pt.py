"""Runs and trains detectors with ultralytics, if the user has installed it.

ultralytics is AGPL-3.0. Only this file imports it, and only when a .pt file is used.
"""

from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.errors import SettingsError, WeightsError

# What ultralytics raises for files that are damaged, of another kind, or cannot be fetched
_UNLOADABLE = (TypeError, ValueError, KeyError, AttributeError, RuntimeError, EOFError, OSError, UnpicklingError)
_LONGEST_REASON = 200


class UltralyticsDetector:
    """A detector that ultralytics runs. See `stages.Detector`."""

    def __init__(self, path: Path, *, device: str = "cpu", min_confidence: float = 0.25) -> None:
        """
        Args:
            path: the file, .pt.
            device: "cpu", "cuda", "cuda:1", "mps".
            min_confidence: detections below it are left out.

        Raises:
            SettingsError: ultralytics is not installed.
            WeightsError: the file is missing, or cannot be loaded.
        """
        self._model = _load(path)
        self._device, self._min_confidence = device, min_confidence
        names: dict[int, str] = self._model.names
        self.categories = tuple(names[number] for number in range(len(names)))

    def detect(self, frame: Frame) -> Detections:
        """Detect the objects of a frame, the most confident first."""
        bgr = np.ascontiguousarray(frame.rgb[..., ::-1])  # ultralytics expects OpenCV's channel order
        (found,) = self._model.predict(bgr, conf=self._min_confidence, device=self._device, verbose=False)
        boxes = found.boxes.cpu()
        detections = Detections(
            np.asarray(boxes.xyxy, np.float32).reshape(-1, 4),
            np.asarray(boxes.conf, np.float32),
            np.asarray(boxes.cls, np.int32),
        )
        return detections.take(np.argsort(-detections.confidence, kind="stable"))


def train(
    description: Path, base: str, output: Path, *, epochs: int, patience: int, image_size: int, device: str
) -> None:
    """Train a detector with ultralytics on a data set and write its best state.

    Args:
        description: the data set's `data.yaml`.
        base: the detector to start from: a file, or a name such as `yolo11s.pt`, which ultralytics downloads.
        output: the file to write, .pt.
        epochs, patience, image_size: ultralytics' options of these names.
        device: "cpu", "cuda", "cuda:1", "mps".

    Raises:
        SettingsError: ultralytics is not installed.
        WeightsError: ultralytics cannot load or download the base.
    """
    model = _opened(base)
    with TemporaryDirectory() as project:
        model.train(
            data=str(description.resolve()),
            epochs=epochs,
            patience=patience,
            imgsz=image_size,
            device=device,
            project=project,
            name="training",
            exist_ok=True,
            verbose=False,
        )
        output.write_bytes(Path(model.trainer.best).read_bytes())


def check_installed(path: Path) -> None:
    """Raise SettingsError if ultralytics is not installed."""
    _yolo(path)


def _load(path: Path) -> Any:
    check_installed(path)
    if not path.is_file():
        raise WeightsError(f"there is no detector {path}; check the path")
    return _opened(path)


def _opened(path: str | Path) -> Any:
    yolo = _yolo(path)
    try:
        return yolo(str(path))
    except _UNLOADABLE as e:
        reason = " ".join(str(e).split())[:_LONGEST_REASON]
        raise WeightsError(f"ultralytics cannot load {path}: {reason}") from e


def _yolo(path: str | Path) -> Any:
    from overseg.torchvision_ops import import_torchvision

    import_torchvision()
    try:
        from ultralytics import YOLO
    except ModuleNotFoundError as e:
        raise SettingsError(
            f"{path} is a detector of ultralytics, which is not installed: pip install 'overseg[ultralytics]' (it is "
            "AGPL-3.0), or use a detector as .onnx"
        ) from e
    return YOLO
