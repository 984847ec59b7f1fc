"""`overseg eval`, as its users call it."""

import json

import numpy as np
import pytest
from cli.cli_samples import SIZE, write_folder
from PIL import Image

from overseg.cli.main import main


@pytest.fixture
def store(folder, run) -> str:
    """Of six pictures of a bright square that moves to the right, with ground truth beside them."""
    write_folder(folder / "images", 6)
    (folder / "truth").mkdir()
    for number in range(6):
        mask = np.zeros(SIZE, np.uint8)
        mask[10:34, 10 + number : 34 + number] = 1
        mask[16:28, 16 + number : 28 + number] = 2
        Image.fromarray(mask).save(folder / "truth" / f"{number + 1}.png")  # named as the images are
    assert run("images", "out.zarr", "--min-area", "20", "--resize", "64") == 0
    return "out.zarr"


def test_a_table_for_people(store, capsys):
    capsys.readouterr()
    assert main(["eval", store, "--gt", "truth"]) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert err == ""
    assert lines[lines.index([]) + 1][:9] == ["object", "frames", "track", "best", "J", "best", "J&F", "union", "J"]
    found = dict(line for line in lines if len(line) == 2)
    assert float(found["coverage"]) > 0.5
    assert float(found["temporal_stability"]) > 0.5
    assert float(found["recall_at_0.5"]) > 0


def test_json_holds_everything(store, capsys):
    capsys.readouterr()
    assert main(["eval", store, "--gt", "truth", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"means", "tracks", "ground_truth"} == set(facts)
    assert [one["name"] for one in facts["ground_truth"]["objects"]] == ["1", "2"]
    assert facts["ground_truth"]["objects"][0]["n_frames"] == 6
    assert facts["ground_truth"]["means"]["best_track_j"] == pytest.approx(
        np.mean([one["best_track_j"] for one in facts["ground_truth"]["objects"]])
    )
    assert len(facts["tracks"]["agreement"]) == len(facts["tracks"]["stability"]) > 0
    assert main(["eval", store, "--gt", "truth", "--json", "--skip-ends"]) == 0
    inner = json.loads(capsys.readouterr().out)["ground_truth"]
    assert inner["objects"][0]["n_frames"] == 4


def test_a_video_that_is_not_at_hand_costs_one_figure(store, folder, capsys, refused):
    (folder / "images").rename(folder / "moved")
    capsys.readouterr()
    assert main(["eval", store]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("temporal stability is left out: out.zarr was made from") and err.count("\n") == 1
    assert "temporal_stability          -" in out
    assert main(["eval", store, "--video", "moved", "--quiet"]) == 0
    assert "temporal_stability          -" not in capsys.readouterr().out
    write_folder(folder / "other", 6, size=(48, 80))
    assert "is not the video that out.zarr was made from" in refused("eval", store, "--video", "other")


@pytest.mark.parametrize("form", ["coco", "youtube-vis", "sav-json", "sav-png"])
def test_what_was_exported_is_found_again_to_the_pixel(store, form, capsys):
    assert main(["export", store, "exported", "--format", form, "--quiet"]) == 0
    assert main(["import", "--format", form, "exported", "imported.zarr", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["eval", "imported.zarr", "--gt", "exported", "--json", "--quiet"]) == 0
    means = json.loads(capsys.readouterr().out)["ground_truth"]["means"]
    assert (means["best_track_j"], means["best_track_jf"], means["recall_at_0.9"]) == (1.0, 1.0, 1.0)


def test_what_cannot_be_measured(store, folder, refused):
    assert "found nothing; check the path" in refused("eval", "none.zarr")
    assert "expected masks of objects at none, found nothing" in refused("eval", store, "--gt", "none")
    Image.fromarray(np.ones((24, 32), np.uint8)).save(folder / "truth" / "1.png")
    assert "the run shrank its frames: leave out --resize" in refused("eval", store, "--gt", "truth")
    assert "unknown words --ground" in refused("eval", store, "--ground", "truth", code=2)
