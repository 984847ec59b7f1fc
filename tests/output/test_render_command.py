"""The command line of `overseg render`."""

import av
import cv2
import pytest
from output.output_samples import N_FRAMES, TOY, write_store, write_toy_video

from overseg.cli.main import main


@pytest.fixture
def store(result):
    return str(result.path)


def test_a_video(store, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    out.write_text("an older file")
    assert main(["render", store, str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: {N_FRAMES} frames, 5 of 5 tracks\n"
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == N_FRAMES


def test_a_picture(store, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert main(["render", store, str(out), "--frame", "3", "--sam-output", "whole", "--side-by-side"]) == 0
    assert capsys.readouterr().out == f"{out}: frame 3, 2 of 5 masks\n"
    height, width = TOY.info.size
    assert cv2.imread(str(out)).shape == (height, 2 * width, 3)


def test_quiet(store, tmp_path, capsys):
    assert main(["render", store, str(tmp_path / "out.mp4"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_video_that_lies_elsewhere(tmp_path):
    store = str(write_store(tmp_path / "toy.zarr", write_toy_video(tmp_path / "toy.mp4")).path)
    moved = (tmp_path / "toy.mp4").rename(tmp_path / "moved.mp4")
    out = tmp_path / "out.png"
    assert main(["render", store, str(out), "--frame", "0"]) == 1
    assert main(["render", store, str(out), "--frame", "0", "--video", str(moved)]) == 0


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["out.png"], 2, "out.png is a picture: say which frame with --frame N"),
        (["out.mp4", "--frame", "1"], 2, "must end in one of .png"),
        (["out.png", "--frame", "99"], 2, f"has the frames 0 to {N_FRAMES - 1}, not 99"),
        (["out.png", "--frame", "1", "--fps", "5"], 2, "--fps"),
        (["out.gif"], 2, "must end in one of .mp4"),
        (["out.mp4", "--fps", "0"], 2, "above 0, not 0"),
        (["out.mp4", "--opacity", "2"], 2, "--opacity takes a number from 0 to 1, not 2"),
        (["out.mp4", "--sam-output", "3"], 2, "--sam-output is one of subpart, part, whole"),
        (["nowhere/out.mp4"], 1, "cannot write the video"),
        (["nowhere/out.png", "--frame", "1"], 1, "cannot write the picture"),
        (["out.mp4", "--video", "gone.mp4"], 1, "no file or folder gone.mp4"),
    ],
)
def test_one_clear_line(store, tmp_path, capsys, monkeypatch, words, code, line):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["render", store, *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err and err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_no_store(tmp_path, capsys):
    assert main(["render", str(tmp_path / "none.zarr"), str(tmp_path / "out.mp4")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_names_are_drawn_where_they_are_asked_for(store, tmp_path):
    plain, named = (tmp_path / f"{name}.png" for name in ("plain", "named"))
    for out, words in ((plain, []), (named, ["--names"])):
        assert main(["render", store, str(out), "--frame", "3", "--opacity", "0", *words]) == 0
    assert (cv2.imread(str(plain)) != cv2.imread(str(named))).any(axis=2).sum() > 500
    assert main(["render", store, str(named), "--frame", "3", "--style", "alpha", "--names"]) == 2
