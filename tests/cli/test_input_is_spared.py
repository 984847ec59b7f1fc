"""No command writes where its input lies, nor finds out at its end that it may not write."""

from pathlib import Path

import pytest
from cli.cli_samples import NO_WEIGHTS, write_folder

from overseg.cli.main import main

BOX = ("--box", "square:10,10,34,34", "--quiet")
POINT = ("--point", "20,20:pos", "--out")


@pytest.fixture
def store(folder, images, run) -> str:
    """A store of the three pictures in `images`."""
    assert run(images, "out.zarr") == 0
    return "out.zarr"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["track", "annotated_frames", "a.zarr", *BOX], "annotated_frames"),
        (["track", "tracking_video.mp4", "a.zarr", *BOX, "--tracking-video"], "tracking_video.mp4"),
        (["run", "in/1.png", "a.zarr", *NO_WEIGHTS, "--render", "in"], "in"),
        (["segment", "in/1.png", *POINT, "m.png", "--overlay", "in/../in/1.png"], "in/../in/1.png"),
        (["segment", "in", *POINT, "m.png", "--overlay", "in/2.png"], "in/2.png"),
        (["segment", "in/1.png", *POINT, "in/1.png", "--overwrite"], "in/1.png"),
        (["autotrack", "out/masks_all", "out"], "out/masks_all"),
        (["autotrack", "out/result", "out", "--style", "binary", "--format", "png"], "out/result"),
        (
            ["autotrack", "out/result", "out", "--clicks", "clicks.json", "--style", "binary", "--format", "png"],
            "out/r",
        ),
    ],
)
def test_the_input_stays_what_it_was(words, place, folder, refused):
    for name in ("annotated_frames", "in", "out"):
        write_folder(folder / name, 2)
    for name in ("masks_all", "result"):
        write_folder(folder / "out" / name, 2)
    (folder / "tracking_video.mp4").write_bytes(b"a video")
    before = contents(folder)
    assert "would change the input" in (line := refused(*words))
    assert place in line
    assert contents(folder) == before


@pytest.mark.parametrize("words", [["images"], ["images/still.png", "--frame", "0"]])
def test_a_render_does_not_replace_what_it_draws_on(words, folder, store, refused):
    before = contents(folder)
    assert "would change the input" in refused("render", store, *words)
    assert contents(folder) == before


def test_a_link_to_the_input_is_the_input(folder, store, refused):
    (folder / "link").symlink_to("images")
    assert "link would change the input" in refused("render", store, "link")


def test_what_could_not_be_written_beside_a_store_is_told_before_the_work(images, folder, refused):
    (folder / "annotated_frames").mkdir()
    (folder / "annotated_frames" / "notes.txt").write_text("mine")
    assert "annotated_frames holds notes.txt" in refused("track", images, "a.zarr", *BOX)
    assert not (folder / "a.zarr").exists()


def test_a_mask_that_is_there_is_told_before_the_work(images, folder, refused):
    (folder / "m.png").write_bytes(b"mine")
    words = ["segment", "images", "--point", "20,20:pos", "--weights", "nothing.pth"]
    assert "m.png exists already" in refused(*words, "--out", "m.png")


def test_what_lies_beside_the_pictures_is_no_picture_of_them(folder, store):
    assert main(["render", store, "images/drawn.mp4", "--quiet"]) == 0
