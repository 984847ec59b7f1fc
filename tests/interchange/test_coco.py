"""COCO: read by pycocotools it is the store, and imported it is the store again."""

import json
from dataclasses import fields

import numpy as np
import pytest
from interchange.interchange_samples import N_FRAMES, same_masks
from pycocotools.coco import COCO

from overseg.data.masks import TrackMasks
from overseg.data.track_names import TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.errors import InputError
from overseg.interchange.exporting import export
from overseg.interchange.importing import import_masks


def test_read_by_pycocotools(result, exported):
    coco = COCO(str(exported("coco", "out.json")))
    assert len(coco.getImgIds()) == N_FRAMES
    for frame, image in enumerate(coco.loadImgs(coco.getImgIds())):
        assert (image["frame_index"], image["file_name"]) == (frame, f"shot{frame + 7}.png")
        assert (image["height"], image["width"]) == result.size
        masks, found = result.masks_at(frame), coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        assert [one["track_id"] - 1 for one in found] == masks.track.tolist()
        assert np.array_equal([coco.annToMask(one) for one in found], masks.rles.to_masks())
        assert [one["area"] for one in found] == masks.rles.area_px().tolist()
        assert [one["bbox"] for one in found] == masks.rles.boxes_xywh().tolist()
        assert all(isinstance(one["segmentation"]["counts"], str) for one in found)


def test_annotations_are_numbered_and_name_their_category(exported):
    content = json.loads(exported("coco", "out.json").read_text())
    assert [one["id"] for one in content["annotations"]] == list(range(1, len(content["annotations"]) + 1))
    assert {one["category_id"] for one in content["annotations"]} == {one["id"] for one in content["categories"]}


def test_imported_it_is_all_that_it_was(result, returned):
    again = returned("coco")
    for frame in range(N_FRAMES):
        one, other = result.masks_at(frame), again.masks_at(frame)
        assert one.rles == other.rles
        for field in fields(TrackMasks):
            if field.name != "rles":
                before, after = getattr(one, field.name), getattr(other, field.name)
                assert np.array_equal(before, after, equal_nan=before.dtype.kind == "f"), field.name
    for cls, name in ((Tracks, "tracks"), (Frames, "frames")):
        for field in fields(cls):
            before, after = (getattr(getattr(one, name), field.name) for one in (result, again))
            assert np.array_equal(before, after), field.name
    assert again.final


def test_a_part_of_it_is_a_part_of_it(result, exported, tmp_path):
    from overseg.data.filters import Filters

    path = exported("coco", "out.json", filters=Filters(start=4, end=7))
    again = import_masks(path, tmp_path / "again.zarr", format="coco")
    assert len(again) == 3
    for frame in range(3):
        assert again.masks_at(frame).rles.counts == result.masks_at(frame + 4).rles.counts


def test_foreign_annotations(tmp_path):
    """Polygons, runs as a list, no more than COCO asks for, images in any order."""
    content = {
        "images": [
            {"id": 9, "file_name": "b.jpg", "height": 4, "width": 6},
            {"id": 4, "file_name": "a.jpg", "height": 4, "width": 6},
        ],
        "annotations": [
            {"id": 1, "image_id": 9, "instance_id": 5, "segmentation": {"size": [4, 6], "counts": [4, 4, 16]}},
            {"id": 2, "image_id": 4, "track_id": 0, "segmentation": [[0, 0, 6, 0, 6, 4, 0, 4]]},
            {"id": 3, "image_id": 9, "track_id": 0, "segmentation": [[0, 0, 3, 0, 3, 4, 0, 4]], "score": None},
        ],
    }
    (tmp_path / "in.json").write_text(json.dumps(content))
    again = import_masks(tmp_path / "in.json", tmp_path / "out.zarr", format="coco")
    assert [masks.rles.area_px().tolist() for masks in map(again.masks_at, range(2))] == [[24], [12, 4]]
    assert again.tracks.part_of.tolist() == [-1, 0]


TRIANGLE = [[0, 0, 1, 0, 1, 1]]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"images": []}, "expected images"),
        ({"videos": [{}, {}]}, "expected one video"),
        ({"annotations": [{"image_id": 1}]}, r"expected a track_id or instance_id at annotations\[0\]"),
        ({"annotations": [{"image_id": 3, "track_id": 1, "segmentation": [[0, 0, 1, 0, 1, 1]]}]}, "expected 3 at"),
        (
            {"annotations": [{"image_id": 1, "track_id": -1, "segmentation": [[0, 0, 5, 0, 5, 3]]}]},
            "-1 is not from 0 to",
        ),
        (
            {"annotations": [{"image_id": 1, "track_id": 1, "segmentation": [[0, 0, 1, 0, 1]]}]},
            "neither run lengths nor",
        ),
        (
            {"annotations": [{"image_id": 1, "track_id": 1, "segmentation": []}]},
            "no mask could be read; .*without a mask",
        ),
        (
            {"annotations": [{"image_id": 1, "track_id": 1, "segmentation": {"size": [4, 6], "counts": [5]}}]},
            "add up to 5, for 24 pixels",
        ),
        ({"images": [{"id": 1, "file_name": "a", "height": 100000, "width": 100000}]}, "at most"),
        ({"images": [{"id": 1, "file_name": "a", "height": 0, "width": 6}]}, "6 x 0 px"),
    ],
)
def test_one_clear_line(tmp_path, change, line):
    content = {"images": [{"id": 1, "file_name": "a.jpg", "height": 4, "width": 6}], "annotations": []} | change
    (tmp_path / "in.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=line) as raised:
        import_masks(tmp_path / "in.json", tmp_path / "out.zarr", format="coco")
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


def test_no_masks_at_all(tmp_path):
    content = {"images": [{"id": 1, "file_name": "a.jpg", "height": 4, "width": 6}], "annotations": []}
    (tmp_path / "in.json").write_text(json.dumps(content))
    again = import_masks(tmp_path / "in.json", tmp_path / "out.zarr", format="coco")
    assert (len(again), len(again.tracks), len(again.masks_at(0))) == (1, 0, 0)


def test_written_over_only_when_told(exported, tmp_path, result):
    exported("coco", "out.json")
    with pytest.raises(InputError, match="exists already"):
        exported("coco", "out.json")
    exported("coco", "out.json", overwrite=True)
    again = import_masks(tmp_path / "out.json", tmp_path / "again.zarr", format="coco")
    with pytest.raises(InputError, match="exists already"):
        import_masks(tmp_path / "out.json", tmp_path / "again.zarr", format="coco")
    again = import_masks(tmp_path / "out.json", tmp_path / "again.zarr", format="coco", overwrite=True)
    assert same_masks(result, again)


def test_categories_and_names_come_along(tmp_path, result):
    (tmp_path / "labels.csv").write_text("track,category\n0,tray\n2,cup\n")
    export(result, tmp_path / "a.json", format="coco", labels=tmp_path / "labels.csv")
    content = json.loads((tmp_path / "a.json").read_text())
    content["tracks"][0]["name"] = "my tray"
    (tmp_path / "a.json").write_text(json.dumps(content))
    named = import_masks(tmp_path / "a.json", tmp_path / "a.zarr", format="coco")
    assert named.names == {0: TrackName("my tray", "tray"), 1: TrackName("cup 3", "cup")}
    export(named, tmp_path / "b.json", format="coco")
    again = json.loads((tmp_path / "b.json").read_text())
    assert [category["name"] for category in again["categories"]] == ["tray", "cup"]
    assert [track["name"] for track in again["tracks"]] == ["my tray", "cup 3"]
