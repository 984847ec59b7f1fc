"""How ultralytics is called, by a stand-in of the same interface: the real one is AGPL-3.0 and no part of the tests."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from overseg.data.frame import Frame
from overseg.detect.opening import open_detector
from overseg.detect.ultralytics_pt import train
from overseg.errors import WeightsError


class Yolo:
    """Finds two boxes, the less sure one first; trains by writing what it was asked for."""

    names = {0: "mouse", 1: "dog"}  # noqa: RUF012

    def __init__(self, path: str) -> None:
        assert "torchvision" in sys.modules, "the real one fails to import a torchvision that fits no torch"
        if "broken" in path:
            raise TypeError(f"ERROR {path} is not a loadable checkpoint\nRecommended fixes are to re-download it")
        if "away" in path:
            raise ConnectionError("the environment may be offline")
        self.path = path

    def predict(self, bgr: np.ndarray, **options) -> list:
        assert bgr[0, 0].tolist() == [3, 2, 1]
        assert options == {"conf": 0.25, "device": "cpu", "verbose": False}
        boxes = SimpleNamespace(
            xyxy=torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]),
            conf=torch.tensor([0.5, 0.75]),
            cls=torch.tensor([1.0, 0]),
        )
        boxes.cpu = lambda: boxes
        return [SimpleNamespace(boxes=boxes)]

    def train(self, **options) -> None:
        best = Path(options["project"]) / "best.pt"
        best.write_text(f"{self.path} {options['epochs']} {options['patience']} {options['imgsz']} {options['data']}")
        self.trainer = SimpleNamespace(best=str(best))


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    module = ModuleType("ultralytics")
    module.YOLO = Yolo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ultralytics", module)


def test_boxes_come_the_surest_first(tmp_path):
    (tmp_path / "a.pt").write_text("")
    detector = open_detector(tmp_path / "a.pt")
    assert detector.categories == ("mouse", "dog")
    found = detector.detect(Frame(0, 0.0, np.full((9, 9, 3), (1, 2, 3), np.uint8)))
    assert found.confidence.tolist() == [0.75, 0.5]
    assert found.category.tolist() == [0, 1]
    assert found.boxes_xyxy.tolist() == [[5, 6, 7, 8], [1, 2, 3, 4]]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match="there is no detector"):
        open_detector(tmp_path / "a.pt")


def test_what_cannot_be_loaded_is_told_in_one_line(tmp_path):
    (tmp_path / "broken.pt").write_text("")
    with pytest.raises(
        WeightsError, match=r"^ultralytics cannot load .*broken.pt: ERROR .*checkpoint Recommended.*it$"
    ):
        open_detector(tmp_path / "broken.pt")
    options = {"epochs": 3, "patience": 2, "image_size": 64, "device": "cpu"}
    with pytest.raises(WeightsError, match="ultralytics cannot load away.pt: the environment may be offline"):
        train(tmp_path / "data.yaml", "away.pt", tmp_path / "out.pt", **options)


def test_training_writes_the_best_state(tmp_path):
    (tmp_path / "data.yaml").write_text("")
    options = {"epochs": 3, "patience": 2, "image_size": 64, "device": "cpu"}
    train(tmp_path / "data.yaml", "yolo11s.pt", tmp_path / "out.pt", **options)
    assert (tmp_path / "out.pt").read_text() == f"yolo11s.pt 3 2 64 {(tmp_path / 'data.yaml').resolve()}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.yaml", "out.pt"], "a data set is replaced later"
