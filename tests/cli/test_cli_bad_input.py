"""Inputs that cannot be used, or not as they are, and what `overseg run` says of them."""

import av
import numpy as np
import pytest
from cli.cli_samples import NO_WEIGHTS, SIZE, picture, write_folder
from numbered_clips import packets_of, write_clip
from PIL import Image

from overseg.cli.main import main


def empty_folder(path):
    path.mkdir()


def text(path):
    path.write_text("this is no video\n" * 50)


def sound(path):
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        for packets in (stream.encode(frame), stream.encode(None)):
            container.mux(packets)


def no_frame(path):
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        container.start_encoding()


def index_cut_off(path):
    write_clip(path, 20, container_format="mp4")
    path.write_bytes(path.read_bytes()[:1500])


def two_sizes(path):
    write_folder(path, 2)
    Image.fromarray(picture(size=(50, 64))).save(path / "3.png")


def broken_picture(path):
    write_folder(path, 12)
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    Image.fromarray(noise).save(path / "7.png")
    (path / "7.png").write_bytes((path / "7.png").read_bytes()[:3000])


def text_as_picture(path):
    write_folder(path, 2)
    (path / "3.png").write_text("no picture")


def fractions(path):
    path.mkdir()
    Image.fromarray(picture()[..., 0].astype(np.float32)).save(path / "1.tif")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda path: None, "there is no file or folder input; give the path of a video or of a folder of images"),
        (lambda path: path.touch(), "input is not a video that FFmpeg can read"),
        (text, "input is not a video that FFmpeg can read"),
        (sound, "input has no video stream (streams found: audio); give a file that contains video"),
        (no_frame, "no frame of input can be decoded: it is empty"),
        (index_cut_off, "input has no video stream (streams found: none)"),
        (empty_folder, "the folder input contains no images; expected files that end in .jpg"),
        (two_sizes, "1.png has 64 x 48 px and 3.png has 64 x 50 px; put them into separate folders"),
        (broken_picture, "the image input/7.png is broken"),
        (text_as_picture, "input/3.png cannot be read as an image"),
        (fractions, "the image input/1.tif holds fractions, whose range is unknown; expected 8 or 16 bits"),
    ],
)
def test_refused(make, line, folder, refused):
    make(folder / "input")
    assert line in refused("run", "input", "out.zarr", *NO_WEIGHTS)


def test_no_name_and_a_name_that_leads_nowhere(folder, refused):
    (folder / "loop.mp4").symlink_to("loop.mp4")
    assert "loop.mp4" in refused("run", "loop.mp4", "out.zarr", *NO_WEIGHTS)
    assert "expected the path of a video file or of a folder of images" in refused("run", "", "out.zarr", *NO_WEIGHTS)


def test_a_mended_picture_is_no_other_run(folder, run, facts):
    """The run ended before anything was found, so that its store stands in nobody's way."""
    broken_picture(folder / "input")
    assert run("input", "out.zarr") == 1
    Image.fromarray(picture(6)).save(folder / "input" / "7.png")
    assert run("input", "out.zarr") == 0
    assert facts("out.zarr")["frames"] == 12


def grey(path):
    return picture()[..., 0]


def sixteen_bits(path):
    return picture()[..., 0].astype(np.uint16) * 257


def with_alpha(path):
    return np.concatenate([picture(), picture()[..., :1]], axis=2)


@pytest.mark.parametrize("make", [grey, sixteen_bits, with_alpha])
def test_other_kinds_of_pictures(make, folder, run, facts):
    for number in (1, 2):
        (folder / "input").mkdir(exist_ok=True)
        Image.fromarray(make(folder)).save(folder / "input" / f"{number}.png")
    assert run("input", "out.zarr") == 0
    found = facts("out.zarr")
    assert (found["frames"], found["width"], found["height"]) == (2, 64, 48)
    assert found["coverage"] > 0.9


@pytest.mark.parametrize("size", [(47, 63), (1, 1), (1, 300), (33, 32)])
def test_odd_sizes(size, folder, run, facts):
    write_folder(folder / "input", 3, size=size)
    assert run("input", "out.zarr") == 0
    assert (facts("out.zarr")["height"], facts("out.zarr")["width"]) == size
    assert main(["render", "out.zarr", "out.mp4", "--quiet"]) == 0


def test_one_frame(folder, run, facts):
    write_folder(folder / "input", 1)
    assert run("input", "out.zarr") == 0
    found = facts("out.zarr")
    assert (found["frames"], found["keyframes"], found["track_length"]["longest"]) == (1, 1, 1)
    assert main(["render", "out.zarr", "out.mp4", "--quiet"]) == 0


def test_one_picture(folder, run, facts):
    write_folder(folder / "input", 2)
    assert run("input/2.png", "out.zarr") == 0
    assert facts("out.zarr")["frames"] == 1


def test_a_truncated_video_says_what_is_lost(folder, capsys, facts):
    path = write_clip(folder / "clip.mp4", 40, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: packets_of(path)[20][0]])
    assert main(["run", "clip.mp4", "out.zarr", "--preset", "no-weights"]) == 0
    remarks = capsys.readouterr().err.splitlines()
    found = facts("out.zarr")
    assert 0 < found["frames"] < 40
    assert found["frames"] + found["frames_lost"] == 40
    said = f"clip.mp4 is damaged or cut off: {found['frames_lost']} frames could not be decoded and are left out"
    assert remarks[2:] == [said]
