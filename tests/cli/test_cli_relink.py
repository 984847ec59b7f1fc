"""`overseg relink`: other tracks from the same masks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.cli_samples import NO_WEIGHTS

import overseg
from overseg.cli.main import main

RUN = (*NO_WEIGHTS, "--end", "16", "--step", "3", "--resize", "112")


@pytest.fixture(scope="module")
def made(carphone, tmp_path_factory) -> Path:
    """The store of 16 frames with many masks, some of which overlap only a little."""
    out = tmp_path_factory.mktemp("made") / "out.zarr"
    assert main(["run", str(carphone), str(out), *RUN]) == 0
    return out


@pytest.fixture
def store(made, folder) -> str:
    """A copy of it."""
    return shutil.copytree(made, folder / "out.zarr").name


def test_the_runs_own_threshold_gives_the_runs_own_result(store, facts, folder):
    before = facts(store)
    assert main(["relink", store, "--match-iou", "0.9", "--quiet"]) == 0
    strict = facts(store)
    assert strict["relinked"] == {"match_iou": 0.9, "reid": True}
    assert strict["tracks"] > before["tracks"] and strict["sha256"] != before["sha256"]
    assert strict["track_length"]["mean"] < before["track_length"]["mean"]
    assert main(["relink", store, "--quiet"]) == 0
    assert facts(store)["sha256"] == before["sha256"]
    assert [path.name for path in (folder / store / "results").iterdir() if path.is_dir()] == ["3"]


def test_no_mask_is_made_or_lost(store):
    before = overseg.open(store)
    masks = {frame: before.rows_at(frame).rles.counts for frame in range(len(before))}
    covered, before_terminations = before.frames.covered_px, before.terminations()
    assert main(["relink", store, "--match-iou", "0.8", "--quiet"]) == 0
    after = overseg.open(store)
    assert {frame: after.rows_at(frame).rles.counts for frame in range(len(after))} == masks
    assert (after.frames.covered_px >= covered - 1).all()
    regions, tracks = after.region_tracks()
    terminations = after.terminations()
    assert terminations.track.tolist() == tracks[np.searchsorted(regions, terminations.region)].tolist()
    assert terminations.region.tolist() == before_terminations.region.tolist()
    assert terminations.track.tolist() != before_terminations.track.tolist()
    for frame in range(len(after)):
        tracks = after.masks_at(frame).track
        assert len(np.unique(tracks)) == len(tracks)


def test_relinking_an_incomplete_run_does_not_change_its_final_result(carphone, store, facts):
    words = ["run", str(carphone), "part.zarr", *RUN]
    assert main([*words, "--budget", "masks=300"]) == 0
    assert main(["relink", "part.zarr", "--match-iou", "0.8", "--quiet"]) == 0
    assert facts("part.zarr")["relinked"] == {"match_iou": 0.8, "reid": True}
    assert facts("part.zarr")["stop_reason"] == "budget masks=300"
    assert main(words) == 0
    assert facts("part.zarr")["sha256"] == facts(store)["sha256"]
    assert "relinked" not in facts("part.zarr")


def test_the_numbers_of_tracks_are_printed(store, capsys):
    capsys.readouterr()
    assert main(["relink", store]) == 0
    assert capsys.readouterr().out.startswith("out.zarr: 16 frames")
    assert main(["info", store, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stop_reason"] == "complete"


def test_invalid_options_and_stores(store, refused):
    assert "found nothing; check the path" in refused("relink", "none.zarr")
    assert "--match-iou takes a number from 0.01 to 1, not 1.5" in refused(
        "relink", store, "--match-iou", "1.5", code=2
    )
    line = refused("relink", store, "--match-iou", "0.3", code=2)
    assert main(["export", store, "exported", "--format", "sav-json", "--quiet"]) == 0
    assert main(["import", "--format", "sav-json", "exported", "imported.zarr", "--quiet"]) == 0
    assert "--reid needs appearances, and imported.zarr was imported without" in refused(
        "relink", "imported.zarr", "--reid", code=2
    )
    assert line == "--match-iou 0.3 is too low for out.zarr, which keeps overlaps of 0.4 or more"
