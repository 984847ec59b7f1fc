"""Exports as trainers want them: joined parts, polygons, a split for validation, several stores, labels."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, disc
from PIL import Image
from pycocotools import mask as coco_mask

from overseg.annotations.polygons import mask_of
from overseg.cli.main import main
from overseg.data.filters import Cut, Filters
from overseg.errors import InputError, SettingsError
from overseg.interchange.exporting import export
from overseg.interchange.importing import import_masks
from overseg.interchange.shaping import Shaping
from overseg.store.result import Result

N_FRAMES = 5


def in_pieces() -> np.ndarray:
    """A disc with a hole, a square beside it, and a speck of four pixels."""
    mask = disc(0)
    mask[25:30, 15:20] = False
    mask[5:20, 60:80] = True
    mask[50:52, 90:92] = True
    return mask


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A mask in pieces on each of five frames, and a part of it."""
    folder = tmp_path_factory.mktemp("training")
    frames = made.write_frames(folder / "frames", N_FRAMES)
    (folder / "masks").mkdir()
    part = np.zeros(SIZE, bool)
    part[7:15, 62:70] = True
    for at in range(N_FRAMES):
        np.savez(folder / "masks" / f"{at:05}.npz", masks=np.stack([in_pieces(), part]), track=np.array([0, 1]))
    return import_masks(folder / "masks", folder / "a.zarr", format="npz", video=frames)


def lines_of(path: Path) -> list[np.ndarray]:
    """The polygons of a file, in pixels."""
    shares = (np.array(line.split()[1:], float).reshape(-1, 2) for line in path.read_text().splitlines())
    return [one * np.array(SIZE[::-1]) for one in shares]


def test_a_line_of_yolo_is_an_object(store: Result, tmp_path: Path) -> None:
    export(store, tmp_path / "a", format="yolo-seg", filters=Filters(ids=(0,)))
    (polygon,) = lines_of(tmp_path / "a" / "labels" / "train" / "00000.txt")
    filled = mask_of([np.floor(polygon + 1e-6)], SIZE)
    assert not (in_pieces() & ~filled).any()  # all of it, and the lines that join its parts
    assert (filled & ~in_pieces()).sum() < 100


def test_small_pieces_are_dropped_and_counted(store: Result, tmp_path: Path, capsys) -> None:
    words = ["export", str(store.path), str(tmp_path / "a"), "--format", "yolo-seg", "--wholes"]
    assert main([*words, "--min-piece", "30", "--separate-pieces"]) == 0
    assert f"dropped pieces of masks under 30 pixels: {N_FRAMES}" in capsys.readouterr().out
    polygons = lines_of(tmp_path / "a" / "labels" / "train" / "00000.txt")
    expected = in_pieces()
    expected[50:52, 90:92] = False
    np.testing.assert_array_equal(mask_of([np.floor(one + 1e-6) for one in polygons], SIZE), expected)
    assert len(polygons) == 2


def test_a_true_validation_split(store: Result, tmp_path: Path) -> None:
    export(store, tmp_path / "a", format="yolo-seg", val=0.4)
    data = yaml.safe_load((tmp_path / "a" / "data.yaml").read_text())
    assert (data["train"], data["val"]) == ("images/train", "images/val")
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        assert names(tmp_path / "a" / kind / "train") == [f"{at:05}.{suffix}" for at in range(3)]
        assert names(tmp_path / "a" / kind / "val") == [f"{at:05}.{suffix}" for at in (3, 4)]
    again = import_masks(tmp_path / "a", tmp_path / "again.zarr", format="yolo-seg")
    assert list(made.areas(again)) == list(range(N_FRAMES))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_no_split(store: Result, tmp_path: Path) -> None:
    export(store, tmp_path / "a", format="yolo-seg", val=0.0)
    assert yaml.safe_load((tmp_path / "a" / "data.yaml").read_text())["val"] == "images/train"


def test_polygons_of_coco_are_the_mask(store: Result, tmp_path: Path) -> None:
    """pycocotools fills them to the same pixels, holes joined by lines without an area."""
    export(store, tmp_path / "a.json", format="coco", polygons=Shaping(is_joined=False))
    content = json.loads((tmp_path / "a.json").read_text())
    for annotation in content["annotations"][:2]:
        parts = annotation["segmentation"]
        mask = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(parts, *SIZE))).astype(bool)
        row = annotation["track_id"] - 1
        np.testing.assert_array_equal(mask, store.masks_at(0).rles.to_masks()[row])


def test_several_stores_are_one_coco_file(store: Result, tmp_path: Path) -> None:
    other = import_masks(
        made.write_maps(tmp_path / "maps", {0: 0, 1: 1}),
        tmp_path / "b.zarr",
        format="davis",
        video=made.write_frames(tmp_path / "other", 2),
    )
    export([store, other], tmp_path / "all.json", format="coco")
    first = import_masks(tmp_path / "all.json", tmp_path / "1.zarr", format="coco", video_name="frames")
    second = import_masks(tmp_path / "all.json", tmp_path / "2.zarr", format="coco", video_name="other")
    assert (len(first), len(first.tracks), len(second), len(second.tracks)) == (N_FRAMES, 2, 2, 1)
    np.testing.assert_array_equal(second.masks_at(1).rles.to_masks()[0], disc(1))
    assert main(["import", "--format", "coco", str(tmp_path / "all.json"), str(tmp_path / "each"), "--each-video"]) == 0
    assert names(tmp_path / "each") == ["frames.zarr", "other.zarr"]


def test_coco_for_training_and_for_validation(store: Result, tmp_path: Path) -> None:
    export(store, tmp_path / "a", format="coco", val=0.4)
    contents = [json.loads((tmp_path / "a" / f"annotations_{split}.json").read_text()) for split in ("train", "val")]
    images = [[image["frame_index"] for image in content["images"]] for content in contents]
    n_val = round(0.4 * N_FRAMES)
    assert images == [list(range(N_FRAMES - n_val)), list(range(N_FRAMES - n_val, N_FRAMES))]
    for content in contents:
        assert {one["image_id"] for one in content["annotations"]} == {image["id"] for image in content["images"]}
    with pytest.raises(SettingsError, match="name a folder"):
        export(store, tmp_path / "a.json", format="coco", val=0.4)


def test_several_stores_are_one_set_of_yolo(store: Result, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    other = import_masks(
        made.coco(tmp_path / "in.json", [0, 1]),
        tmp_path / "b.zarr",
        format="coco",
        video=made.write_frames(tmp_path / "other", 2),
    )
    export([store, other], tmp_path / "all", format="yolo-seg", val=0.5)
    assert names(tmp_path / "all" / "images" / "val") == names_in_val()
    assert yaml.safe_load((tmp_path / "all" / "data.yaml").read_text())["names"] == {0: "object", 1: "ball"}
    of_ball = (tmp_path / "all" / "labels" / "val" / "other_00001.txt").read_text()
    assert of_ball.startswith("1 ")
    labels.write_text("track,category\n0,cup\n")
    with pytest.raises(SettingsError, match="--labels is of one store, and 2 are given"):
        export([store, other], tmp_path / "more", format="yolo-seg", labels=labels)
    with pytest.raises(SettingsError, match="labelme holds one video, and 2 stores are given"):
        export([store, other], tmp_path / "more", format="labelme")


def names_in_val() -> list[str]:
    return [*(f"frames_{at:05}.png" for at in (3, 4)), "other_00001.png"]


def test_a_label_file_names_and_drops(store: Result, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("track,name,category,drop\n0,left cup,cup,\n")
    export(store, tmp_path / "a.json", format="coco", labels=labels)
    content = json.loads((tmp_path / "a.json").read_text())
    assert [track.get("name") for track in content["tracks"]] == ["left cup", None]
    assert [one["name"] for one in content["categories"]] == ["cup", "object"]
    labels.write_text("track,drop\n0,1\n")
    export(store, tmp_path / "b.json", format="coco", labels=labels)
    assert [track["id"] for track in json.loads((tmp_path / "b.json").read_text())["tracks"]] == [2]
    labels.write_text("track,drop\n0,maybe\n")
    with pytest.raises(InputError, match="line 2: expected 1 or 0 in drop, got 'maybe'"):
        export(store, tmp_path / "c.json", format="coco", labels=labels)


def test_render_uses_the_labels(store: Result, tmp_path: Path) -> None:
    labels, out = tmp_path / "labels.csv", tmp_path / "a.png"
    labels.write_text("track,drop\n0,1\n")
    words = ["render", str(store.path), str(out), "--frame", "0", "--style", "binary", "--quiet"]
    assert main([*words, "--labels", str(labels)]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open(out)) > 0, store.masks_at(0).rles.to_masks()[1])


def test_crops_of_each_track(store: Result, tmp_path: Path) -> None:
    words = ["render", str(store.path), str(tmp_path / "a"), "--per-track", "--crop", "--style", "alpha", "--quiet"]
    assert main(words) == 0
    assert names(tmp_path / "a") == ["track_00000", "track_00001"]
    assert Image.open(tmp_path / "a" / "track_00001" / "frame_00000.png").size == (8, 8)
    assert main(["render", str(store.path), str(tmp_path / "b.mp4"), "--crop", "--quiet"]) == 2


@pytest.mark.parametrize("format", ["npz", "id-maps"])
def test_partitions_on_request(format: str, store: Result, tmp_path: Path) -> None:
    """Of each depth of the tree."""
    export(store, tmp_path / "a", format=format, flat=Cut())
    whole, part = store.masks_at(0).rles.to_masks()
    if format == "npz":
        with np.load(tmp_path / "a" / "00000.npz") as arrays:
            np.testing.assert_array_equal(arrays["masks"], [whole, whole & ~part, part])
            assert arrays["depth"].tolist() == [0, 1, 1] and arrays["track"].tolist() == [0, 0, 1]
        again = import_masks(tmp_path / "a", tmp_path / "a.zarr", format=format)
        np.testing.assert_array_equal(again.masks_at(0).rles.to_masks(), [whole, part])
        return
    maps = [np.asarray(Image.open(tmp_path / "a" / f"depth_{depth}" / "00000.png")) for depth in (0, 1)]
    np.testing.assert_array_equal(maps[1], np.where(part, 2, np.where(whole, 1, 0)))
    np.testing.assert_array_equal(maps[0], whole)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"format": "davis", "val": 0.2}, "davis has no split for validation: --val is for coco, yolo-seg"),
        ({"format": "davis", "polygons": Shaping()}, "davis has no polygons: they are for coco, yolo-seg"),
        ({"format": "yolo-seg", "val": 1.0}, "--val takes a share of the frames from 0 to less than 1, not 1"),
        ({"format": "coco", "size": "half"}, "--size is one of source, processed, not 'half'"),
        ({"format": "coco", "flat": Cut()}, "--flatten is for formats without overlap"),
    ],
)
def test_options_that_do_not_fit(options: dict, line: str, store: Result, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=line):
        export(store, tmp_path / "a", **options)
