"""Detectors as ONNX: both of ultralytics' layouts, and files that are no detectors."""

import numpy as np
import pytest
from detect.made_detectors import NAMES, end_to_end, raw, write_detector

from overseg.data.frame import Frame
from overseg.detect import onnx_yolo
from overseg.detect.onnx_yolo import OnnxYolo
from overseg.detect.opening import open_detector
from overseg.errors import SettingsError, WeightsError
from overseg.stages import Detector

FRAME = Frame(0, 0.0, np.zeros((50, 100, 3), np.uint8))  # in a square of 64: scaled to 64 x 32, 16 rows above


def test_boxes_without_suppression_are_suppressed_and_brought_to_the_frame(tmp_path):
    output = raw(
        (32, 32, 32, 16, 0.2, 0.8),
        (33, 32, 32, 16, 0.1, 0.9),  # nearly the same, and surer
        (32, 32, 32, 16, 0.7, 0.1),  # another category may lie there, too
        (8, 20, 8, 8, 0.24, 0.1),  # not sure enough
        (60, 40, 64, 64, 0.3, 0.0),  # beyond the frame
    )
    detector = open_detector(write_detector(tmp_path / "a.onnx", output))
    assert isinstance(detector, Detector)
    assert detector.categories == tuple(NAMES.values())
    found = detector.detect(FRAME)
    assert found.category.tolist() == [1, 0, 0]
    assert found.confidence.tolist() == pytest.approx([0.9, 0.7, 0.3])
    expected = [[26.5625, 12.5, 76.5625, 37.5], [25, 12.5, 75, 37.5], [43.75, 0, 100, 50]]
    assert np.allclose(found.boxes_xyxy, expected)


@pytest.mark.parametrize("half", [False, True])
def test_boxes_that_went_through_suppression_are_taken_as_they_are(tmp_path, half):
    output = end_to_end((0, 16, 32, 32, 0.5, 1), (0, 16, 32, 31, 0.75, 1))
    found = OnnxYolo(write_detector(tmp_path / "a.onnx", output, half=half)).detect(FRAME)
    assert found.confidence.tolist() == [0.75, 0.5]
    assert found.category.tolist() == [1, 1]
    assert np.allclose(found.boxes_xyxy, [[0, 0, 50, 23.4375], [0, 0, 50, 25]])


def test_coefficients_of_masks_behind_the_categories_are_left_out(tmp_path):
    path = write_detector(tmp_path / "a.onnx", raw((32, 32, 8, 8, 0.6, 0.4), more=32), task="segment")
    assert OnnxYolo(path).detect(FRAME).category.tolist() == [0]


def test_nothing_is_found(tmp_path):
    for output in (raw((32, 32, 8, 8, 0.1, 0.2)), end_to_end()):
        found = OnnxYolo(write_detector(tmp_path / "a.onnx", output)).detect(FRAME)
        assert len(found) == 0
        assert found.boxes_xyxy.shape == (0, 4)


def test_a_net_that_takes_any_size_gets_what_fits_the_frame(tmp_path):
    meta = {"imgsz": "[128, 128]", "stride": "32"}
    path = write_detector(tmp_path / "a.onnx", raw((64, 32, 128, 64, 0.6, 0.1)), size=("h", "w"), **meta)
    found = OnnxYolo(path).detect(FRAME)  # a rectangle of 128 x 64: the frame fills it
    assert np.allclose(found.boxes_xyxy, [[0, 0, 100, 50]])


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (raw((1, 1, 1, 1, 1, 1)), {"names": "mouse"}, "expected the names of categories in the metadata `names`"),
        (raw((1, 1, 1, 1, 1, 1)), {"names": "{1: 'mouse'}"}, "as ultralytics writes them, got"),
        (raw((1, 1, 1, 1, 1, 1)), {"task": "pose"}, "got a network for the task 'pose'"),
        (raw((1, 1, 1, 1, 1, 1)), {"channels": 1}, "expected a detector with one input, a picture"),
    ],
)
def test_a_net_that_is_no_detector(tmp_path, output, options, message):
    with pytest.raises(WeightsError, match=message):
        OnnxYolo(write_detector(tmp_path / "a.onnx", output, **options))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.zeros((1, 5, 20), np.float32), "expected a detector's output of 6 rows"),
        (np.zeros((1, 4), np.float32), r"expected boxes \[1, 4 \+ categories, anchors\]"),
        (raw((np.nan, 1, 1, 1, 0.9, 0.1)), "expected finite numbers from the detector"),
        (end_to_end((1, 1, 9, 9, 0.9, 7)), "returns a category without a name"),
    ],
)
def test_an_answer_that_is_no_detector_s(tmp_path, output, message):
    with pytest.raises(WeightsError, match=message):
        OnnxYolo(write_detector(tmp_path / "a.onnx", output)).detect(FRAME)


def test_files_that_are_none(tmp_path):
    (tmp_path / "a.onnx").write_text("no ONNX")
    with pytest.raises(WeightsError, match="is not an ONNX file that can be run"):
        open_detector(tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="there is no detector"):
        open_detector(tmp_path / "b.onnx")
    with pytest.raises(SettingsError, match=r"--detector takes a file that ends in .onnx or .pt, not .*a.h5"):
        open_detector(tmp_path / "a.h5")


def test_without_ultralytics_its_files_are_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ultralytics", None)
    with pytest.raises(SettingsError, match=r"pip install 'overseg\[ultralytics\]'.*AGPL-3.0.*as .onnx"):
        open_detector(tmp_path / "a.pt")


def test_the_second_gpu_is_not_the_first(tmp_path):
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    for device, number in (("cuda", 0), ("cuda:1", 1)):
        assert onnx_yolo._cuda_provider(device, available) == [("CUDAExecutionProvider", {"device_id": number})]
        assert onnx_yolo._runs_on(device, available) == device
    assert onnx_yolo._cuda_provider("cpu", available) == []
    assert onnx_yolo._cuda_provider("cuda:1", available[1:]) == []


def test_a_detector_says_that_it_stays_on_the_cpu(tmp_path):
    path = write_detector(tmp_path / "a.onnx", end_to_end())
    assert OnnxYolo(path).runs_on == "the CPU"
    assert OnnxYolo(path, device="cuda:1").runs_on.startswith("the CPU, as onnxruntime finds no CUDA")
