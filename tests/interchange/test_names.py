"""What objects are called, out and in again, in every format that holds it."""

import json

import pytest

from overseg.data.track_names import TrackName
from overseg.interchange.exporting import export
from overseg.interchange.importing import import_masks
from overseg.store.result import Result

FORMATS = ("coco", "youtube-vis", "cvat", "labelme", "label-studio", "panoptic")


@pytest.fixture
def named(result, tmp_path) -> Result:
    """The run with two named tracks of one category, one track of a category alone, and others of none."""
    (tmp_path / "labels.csv").write_text("track,category\n0,tray\n1,cup\n2,cup\n3,\n")
    export(result, tmp_path / "a.json", format="coco", labels=tmp_path / "labels.csv")
    content = json.loads((tmp_path / "a.json").read_text())
    for track, name in ((1, "Großmutters <Tasse> & co"), (2, "left cup")):
        content["tracks"][track]["name"] = name
    (tmp_path / "a.json").write_text(json.dumps(content))
    return import_masks(tmp_path / "a.json", tmp_path / "a.zarr", format="coco")


@pytest.mark.parametrize("format", FORMATS)
def test_names_and_categories_come_back(named, tmp_path, format):
    assert named.names == {
        0: TrackName("tray 1", "tray"),
        1: TrackName("Großmutters <Tasse> & co", "cup"),
        2: TrackName("left cup", "cup"),
    }
    export(named, tmp_path / "out", format=format, frames="none")
    again = import_masks(tmp_path / "out", tmp_path / "again.zarr", format=format)
    assert len(again.tracks) == len(named.tracks)
    assert again.names == named.names


def test_what_nobody_named_has_no_name(result, tmp_path):
    for format in FORMATS:
        export(result, tmp_path / format, format=format)
        assert import_masks(tmp_path / format, tmp_path / f"{format}.zarr", format=format).names == {}


def test_shapes_of_no_object_are_called_by_their_label(result, tmp_path):
    export(result, tmp_path / "out", format="labelme")
    file = sorted((tmp_path / "out").glob("*.json"))[0]
    content = json.loads(file.read_text())
    for number, shape in enumerate(content["shapes"]):
        shape.update(group_id=None, label=("cat", "", "object")[min(number, 2)])
    file.write_text(json.dumps(content))
    names = import_masks(tmp_path / "out", tmp_path / "again.zarr", format="labelme").names
    assert list(names.values()) == [TrackName("cat", "cat")]


@pytest.mark.parametrize(("label", "name"), [("a\nb", "a b"), ("x" * 300, "x" * 200), (7, "7")])
def test_labels_that_cannot_be_are_made_printable(result, tmp_path, label, name):
    export(result, tmp_path / "out", format="labelme")
    file = sorted((tmp_path / "out").glob("*.json"))[0]
    content = json.loads(file.read_text())
    content["shapes"][0]["label"] = label
    file.write_text(json.dumps(content))
    again = import_masks(tmp_path / "out", tmp_path / "again.zarr", format="labelme", strict=True)
    assert name in {one.category for one in again.names.values()}
