"""Opens a detector by the ending of its file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from overseg.adapters import WORDS_DETECTORS, load
from overseg.errors import SettingsError
from overseg.stages import Detector
from overseg.transformers_extra import check_model_type, import_transformers

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
        return _of_words(path)(path, texts, device=device, min_confidence=min_confidence)
    if path.suffix.lower() == ".onnx":
        from overseg.detect.onnx_yolo import OnnxYolo

        return OnnxYolo(path, device=device, min_confidence=min_confidence)
    if path.suffix.lower() == ".pt":
        from overseg.detect.ultralytics_pt import UltralyticsDetector

        return UltralyticsDetector(path, device=device, min_confidence=min_confidence)
    raise SettingsError(f"--detector takes a file that ends in .onnx or .pt, not {path}")


def _of_words(folder: Path) -> Callable[..., Detector]:
    """The class of the detector whose weights lie in a folder.

    Raises:
        SettingsError: transformers is missing or too old.
        WeightsError: the weights are of another model.
    """
    import_transformers("--text")
    build_of = {kind: one.build for one in WORDS_DETECTORS.values() for kind in one.model_types}
    kind = check_model_type(folder, tuple(build_of), title="a detector that takes words")
    return load(build_of[kind])
