"""Detectors by the ending of their file."""

from pathlib import Path

from overseg.errors import SettingsError
from overseg.stages import Detector

TOLD_CONFIDENCE = 0.25  # what a detector is less sure of is not worth telling, where nobody asks for it


def open_detector(path: Path, *, device: str = "cpu", min_confidence: float = TOLD_CONFIDENCE) -> Detector:
    """A detector that is ready to work: an ONNX file, or one of ultralytics.

    Args:
        path: the file, .onnx or .pt.
        device: "cpu", "cuda", "cuda:1", "mps".
        min_confidence: what is less sure is not told, in [0, 1].

    Raises:
        SettingsError: the file's ending is another, or ultralytics is needed and not installed.
        WeightsError: the file cannot be used.
    """
    if path.suffix.lower() == ".onnx":
        from overseg.detect.onnx_yolo import OnnxYolo

        return OnnxYolo(path, device=device, min_confidence=min_confidence)
    if path.suffix.lower() == ".pt":
        from overseg.detect.ultralytics_pt import UltralyticsDetector

        return UltralyticsDetector(path, device=device, min_confidence=min_confidence)
    raise SettingsError(f"--detector takes a file that ends in .onnx or .pt, not {path}")
