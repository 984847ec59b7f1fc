"""Opens a detector by the ending of its file."""

from collections.abc import Sequence
from pathlib import Path

from overseg.errors import SettingsError
from overseg.stages import Detector

DEFAULT_MIN_CONFIDENCE = 0.25  # detections below this confidence are left out by default


def open_detector(
    path: Path,
    *,
    device: str = "cpu",
    min_confidence: float = DEFAULT_MIN_CONFIDENCE,
    texts: Sequence[str] = (),
) -> Detector:
    """Open a detector: an ONNX file, a .pt file of ultralytics, or the folder of one that takes words.

    Args:
        path: the file, .onnx or .pt, or with `texts` the folder.
        device: "cpu", "cuda", "cuda:1", "mps".
        min_confidence: detections below it are left out; in [0, 1].
        texts: what it looks for, in words; none for a detector of categories of its own.

    Raises:
        SettingsError: the file has another ending, or needs ultralytics, which is not installed.
        WeightsError: the file cannot be used.
    """
    if texts:
        from overseg.detect.words import WordsDetector

        return WordsDetector(path, texts, device=device, min_confidence=min_confidence)
    if path.suffix.lower() == ".onnx":
        from overseg.detect.onnx_yolo import OnnxYolo

        return OnnxYolo(path, device=device, min_confidence=min_confidence)
    if path.suffix.lower() == ".pt":
        from overseg.detect.ultralytics_pt import UltralyticsDetector

        return UltralyticsDetector(path, device=device, min_confidence=min_confidence)
    raise SettingsError(f"--detector takes a file that ends in .onnx or .pt, not {path}")
