"""`overseg associate` on a real picture of coins that is panned over, with masks in every form."""

import csv
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data, measure, morphology

import overseg
from overseg.cli.main import main
from overseg.data.rles import Rles
from overseg.output.video_writer import VideoWriter
from overseg.store.result import open_result

N_FRAMES, STEP_PX = 6, 5
SIZE = (200, 300)


def coins(frame: int) -> np.ndarray:
    """Which coin is on each pixel, 0 for none; a coin keeps its number."""
    left = STEP_PX * frame
    return all_coins()[60 : 60 + SIZE[0], left : left + SIZE[1]]


@cache
def all_coins() -> np.ndarray:
    return measure.label(morphology.remove_small_objects(data.coins() > 130, max_size=400))


@cache
def masks_of(frame: int) -> tuple[np.ndarray, list[int]]:
    """The coins of a frame in an order of its own: bool [n, h, w], and their numbers."""
    labels = coins(frame)
    numbers = [one for one in np.unique(labels).tolist() if one and (labels == one).sum() > 300]
    np.random.default_rng(frame).shuffle(numbers)
    return np.array([labels == one for one in numbers]), numbers


def rles(frame: int) -> list[dict]:
    encoded = Rles.from_masks(masks_of(frame)[0])
    return [{"size": list(SIZE), "counts": counts.decode()} for counts in encoded.counts]


def id_maps(folder):
    for frame in range(N_FRAMES):
        masks, _ = masks_of(frame)
        pixels = sum(np.where(mask, number, 0) for number, mask in enumerate(masks, start=1)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"frame_{frame:03d}.png")


def png_folders(folder):
    for frame in range(N_FRAMES):
        (folder / str(frame)).mkdir()
        for number, mask in enumerate(masks_of(frame)[0]):
            Image.fromarray(255 * mask.astype(np.uint8)).save(folder / str(frame) / f"{number:03d}.png")


def npz(folder):
    for frame in range(N_FRAMES):
        np.savez_compressed(folder / f"{frame}.npz", masks=masks_of(frame)[0])


def json_lists(folder):
    for frame in range(N_FRAMES):
        (folder / f"{frame:05d}.json").write_text(json.dumps([{"segmentation": rle} for rle in rles(frame)]))


def coco(folder):
    images = [
        {"id": 10 + frame, "file_name": f"{frame:05d}.jpg", "height": SIZE[0], "width": SIZE[1]}
        for frame in reversed(range(N_FRAMES))
    ]
    annotations = [
        {"image_id": 10 + frame, "segmentation": rle, "score": 0.5} for frame in range(N_FRAMES) for rle in rles(frame)
    ]
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))


FORMS = (id_maps, png_folders, npz, json_lists, coco)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "masks").mkdir()
    return tmp_path / "masks"


def read_csv(path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("write", FORMS)
@pytest.mark.parametrize("method", ["iou", "hungarian", "centroid"])
def test_every_coin_is_one_track(write, method, folder, capsys):
    write(folder)
    assert main(["associate", "masks", "out", "--method", method]) == 0
    coins_of: dict[int, set[int]] = {}
    found = json.loads(Path("out/tracks.json").read_text())
    for track in found["tracks"]:
        for one in track["masks"]:
            mask = Rles(SIZE, (one["segmentation"]["counts"].encode(),)).to_masks()[0]
            (coin,) = np.unique(coins(one["frame"])[mask]).tolist()
            coins_of.setdefault(track["id"], set()).add(coin)
            assert one["area"] == mask.sum()
            assert one["score"] == (0.5 if write is coco else 1)
    assert all(len(one) == 1 for one in coins_of.values())
    every_coin = {coin for frame in range(N_FRAMES) for coin in masks_of(frame)[1]}
    assert len(coins_of) == len(every_coin) >= 8
    n_masks = sum(len(masks_of(frame)[1]) for frame in range(N_FRAMES))
    assert capsys.readouterr().out == f"out: {N_FRAMES} frames, {n_masks} masks, {len(every_coin)} tracks\n"


def test_json_csv_and_maps_say_the_same(folder):
    npz(folder)
    assert main(["associate", "masks", "out", "--quiet"]) == 0
    assert sorted(path.name for path in (folder.parent / "out").iterdir()) == ["id_maps", "tracks.csv", "tracks.json"]
    rows = read_csv("out/tracks.csv")
    found = json.loads(Path("out/tracks.json").read_text())
    flat = [(one["frame"], track["id"], one) for track in found["tracks"] for one in track["masks"]]
    assert len(rows) == len(flat)
    for row, (frame, track, one) in zip(rows, sorted(flat, key=lambda x: x[:2]), strict=True):
        assert [int(row[name]) for name in ("frame", "track", "area_px")] == [frame, track, one["area"]]
        assert [int(row[name]) for name in ("left", "top", "width", "height")] == one["bbox"]
        pixels = np.asarray(Image.open(f"out/id_maps/{frame:05d}.png"))
        mask = Rles(SIZE, (one["segmentation"]["counts"].encode(),)).to_masks()[0]
        assert pixels.dtype == np.uint16 and np.array_equal(pixels == track + 1, mask)


def test_one_file_or_a_store(folder):
    npz(folder)
    assert main(["associate", "masks", "out", "--quiet"]) == 0
    assert main(["associate", "masks", "out.json", "--quiet"]) == 0
    assert main(["associate", "masks", "out.csv", "--quiet"]) == 0
    assert main(["associate", "masks", "out.zarr", "--quiet"]) == 0
    assert Path("out.json").read_text() == Path("out/tracks.json").read_text()
    assert Path("out.csv").read_text() == Path("out/tracks.csv").read_text()
    result = open_result("out.zarr")
    of_store = [
        (frame, track) for frame in range(len(result)) for track in sorted(result.masks_at(frame).track.tolist())
    ]
    assert of_store == [(int(row["frame"]), int(row["track"])) for row in read_csv("out.csv")]


@pytest.mark.parametrize("write", [npz, coco])
def test_masks_are_of_the_images_that_they_are_called_by(write, folder, monkeypatch):
    """Pictures are called from 1 on, without leading zeros, and there are twice as many as masks."""
    (folder.parent / "frames").mkdir()
    for number in range(2 * N_FRAMES):
        Image.fromarray(np.zeros(SIZE, np.uint8)).save(folder.parent / "frames" / f"{number + 1}.png")
    write(folder)
    for path in sorted(folder.glob("*.npz"), reverse=True):
        path.rename(folder / f"{6 + int(path.stem)}.npz")
    for path in folder.glob("*.json"):
        path.write_text(re.sub(r"0000(\d).jpg", lambda found: f"frames/{6 + int(found[1])}.jpg", path.read_text()))
    assert main(["associate", "masks", "out.zarr", "--video", "frames", "--quiet"]) == 0
    result = open_result("out.zarr")
    expected = [0] * 5 + [len(masks_of(frame)[1]) for frame in range(N_FRAMES)] + [0]
    assert result.frames.n_masks.tolist() == expected
    assert main(["associate", "masks", "out.csv", "--quiet"]) == 0
    frames = [int(row["frame"]) for row in read_csv("out.csv")]
    first = 0 if write is coco else 6  # COCO's frames are those that it has, from 6.jpg on to 11.jpg
    assert np.bincount(frames)[first:].tolist() == [len(masks_of(frame)[1]) for frame in range(N_FRAMES)]


def test_files_that_count_from_one_where_a_video_says_so(folder):
    npz(folder)
    for path in sorted(folder.iterdir(), reverse=True):
        path.rename(folder / f"mask_{1 + int(path.stem)}.npz")
    with VideoWriter("clip.mp4", fps=20, size=SIZE) as writer:
        for _ in range(N_FRAMES):
            writer.write(np.zeros((*SIZE, 3), np.uint8))
    assert main(["associate", "masks", "out.zarr", "--video", "clip.mp4", "--quiet"]) == 0
    assert open_result("out.zarr").frames.n_masks.tolist() == [len(masks_of(frame)[1]) for frame in range(N_FRAMES)]


def test_detections_with_boxes_alone(folder):
    coco(folder)
    content = json.loads((folder / "annotations.json").read_text())
    for annotation in content["annotations"]:
        annotation["bbox"] = Rles(SIZE, (annotation["segmentation"]["counts"].encode(),)).boxes_xywh()[0].tolist()
        annotation["segmentation"] = []
    (folder / "annotations.json").write_text(json.dumps(content))
    assert main(["associate", "masks", "out.csv", "--method", "centroid", "--quiet"]) == 0
    rows = read_csv("out.csv")
    assert len({row["track"] for row in rows}) == len({c for frame in range(N_FRAMES) for c in masks_of(frame)[1]})
    boxes = {tuple(annotation["bbox"]) for annotation in content["annotations"]}
    assert {tuple(int(row[side]) for side in ("left", "top", "width", "height")) for row in rows} == boxes
    content["annotations"][2]["bbox"] = [1, 2, "wide"]
    (folder / "annotations.json").write_text(json.dumps(content))
    assert main(["associate", "masks", "b.csv", "--quiet", "--strict"]) == 1
    content["annotations"] = content["annotations"][2:3]
    (folder / "annotations.json").write_text(json.dumps(content))
    assert main(["associate", "masks", "b.csv", "--quiet"]) == 1


def test_frames_without_a_file_have_no_masks_and_count_as_a_gap(folder):
    npz(folder)
    (folder / "2.npz").unlink()
    (folder / "3.npz").unlink()
    for max_gap, joined in ((2, True), (1, False)):
        assert main(["associate", "masks", "out.csv", "--max-gap", str(max_gap), "--overwrite", "--quiet"]) == 0
        rows = read_csv("out.csv")
        assert {int(row["frame"]) for row in rows} == {0, 1, 4, 5}
        before, after = ({row["track"] for row in rows if row["frame"] == frame} for frame in ("1", "4"))
        assert bool(before & after) is joined


def test_masks_that_lie_over_each_other_are_told(folder, capsys):
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 10:100, 10:100] = masks[1, 20:40, 20:40] = True
    np.savez(folder / "0.npz", masks=masks)
    assert main(["associate", "masks", "out"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("masks partly hidden there: 1")
    pixels = np.asarray(Image.open("out/id_maps/00000.png"))
    assert (pixels[30, 30], pixels[50, 50], pixels[0, 0]) == (2, 1, 0)


def test_in_python(folder):
    npz(folder)
    assert overseg.associate_masks("masks", "out.json", min_iou=0.5).n_frames == N_FRAMES


def empty(folder):
    np.savez(folder / "0.npz", masks=np.zeros((0, *SIZE), bool))


def another_size(folder):
    npz(folder)
    np.savez(folder / "4.npz", masks=np.zeros((1, 8, 8), bool))


def no_numbers(folder):
    Image.fromarray(coins(0).astype(np.uint8)).save(folder / "mask.png")


def two_files(folder):
    no_numbers(folder)
    for name in ("a_1.png", "b_1.png"):
        Image.fromarray(coins(0).astype(np.uint8)).save(folder / name)


def broken(folder):
    (folder / "0.png").write_text("no picture")


def coco_of_nothing(folder):
    (folder / "annotations.json").write_text('{"images": []}')


def coco_without_image(folder):
    coco(folder)
    content = json.loads((folder / "annotations.json").read_text())
    content["annotations"][3]["image_id"] = 99
    (folder / "annotations.json").write_text(json.dumps(content))


def numbered_by_date(folder):
    no_numbers(folder)
    (folder / "mask.png").rename(folder / "mask_20261121.png")


@pytest.mark.parametrize(
    ("write", "words", "code", "line"),
    [
        (npz, ["--method", "sort"], 2, "--method is one of iou, hungarian, centroid, not 'sort'"),
        (npz, ["--video", "x.mp4"], 2, "--video is for a store: name one that ends in .zarr"),
        (two_files, [], 1, "expected one file a frame in masks, got a_1.png and b_1.png"),
        (numbered_by_date, [], 1, "masks has 1 files, and mask_20261121.png would be frame 20261121: number files by"),
        (another_size, [], 1, "expected masks of 300 x 200 px in masks/4.npz, got 8 x 8 px"),
        (broken, [], 1, "expected a picture in masks/0.png, cannot read it"),
        (coco_of_nothing, [], 1, "in masks/annotations.json, got images"),
        (coco_without_image, ["--strict"], 1, "expected 99 at annotations[3] of masks/annotations.json"),
    ],
)
def test_bad_input(write, words, code, line, folder, capsys):
    write(folder)
    assert main(["associate", "masks", "out", *words]) == code
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1
    assert [path.name for path in folder.parent.iterdir()] == ["masks"]


def test_names_that_cannot_be_written(folder, capsys):
    npz(folder)
    assert main(["associate", "masks", "out.txt"]) == 2
    assert "out.txt has to end in .zarr, .json or .csv, or to be a folder" in capsys.readouterr().err
    (folder.parent / "out").mkdir()
    assert main(["associate", "masks", "out"]) == 1
    assert "out exists already" in capsys.readouterr().err
    assert main(["associate", "nowhere", "out.json"]) == 1
    assert "expected a folder of masks, or a file of annotations" in capsys.readouterr().err


def test_no_masks_on_any_frame(folder):
    empty(folder)
    assert main(["associate", "masks", "out", "--quiet"]) == 0
    assert json.loads(Path("out/tracks.json").read_text())["tracks"] == []
