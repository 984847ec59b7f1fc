"""What VIA, the VGG Image Annotator, writes; `test_consumers.py` has its versions."""

import json
from pathlib import Path

import pytest
from annotations import made_annotations as made
from annotations.made_annotations import RADIUS, SIZE, are_discs, areas, centre, disc
from annotations.test_shapes import Remarks

from overseg.data.rles import Rles
from overseg.errors import InputError, SettingsError
from overseg.interchange.exporting import export
from overseg.interchange.importing import import_masks


def project(path: Path, *shapes: dict, **attributes) -> Path:
    regions = [made.via_region(0, **attributes) | {"shape_attributes": shape} for shape in shapes]
    return made.write_json(path, {"_via_img_metadata": {"a": {"filename": "a/00000.png", "regions": regions}}})


def test_shapes_tracks_and_names(tmp_path: Path) -> None:
    """The size is that of the picture beside the file."""
    x, y = centre(0)
    shapes = (
        {"name": "circle", "cx": x, "cy": y, "r": RADIUS},
        {"name": "ellipse", "cx": 60, "cy": 30, "rx": 20, "ry": 5, "theta": 1.5707963},
        {"name": "rect", "x": 80, "y": 10, "width": 5, "height": 4},
        {"name": "polyline", "all_points_x": [1, 2, 3], "all_points_y": [1, 2, 3]},
        {"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1]},
    )
    made.write_frames(tmp_path / "images", 1)
    source = project(tmp_path / "a.json", *shapes, track_id="", name="Otto")
    remarks = Remarks()
    result = import_masks(source, tmp_path / "a.zarr", format="via", report=remarks)
    masks = result.masks_at(0).rles
    assert (masks.to_masks()[0] & disc(0)).sum() > 0.95 * disc(0).sum()
    assert masks.boxes_xywh()[1].tolist()[2:] == [10, 40] and masks.area_px()[2] == 20
    assert {(name.name, name.category) for name in result.names.values()} == {("Otto", made.LABEL)}
    assert "1 polyline without an area, 1 unreadable entry" in remarks.lines[0]


def test_boxes_that_are_ticked_are_the_label(tmp_path: Path) -> None:
    made.write_frames(tmp_path / "images", 1)
    source = project(tmp_path / "a.json", {"name": "rect", "x": 8, "y": 9, "width": 5, "height": 4}, type={"cup": True})
    result = import_masks(source, tmp_path / "a.zarr", format="via")
    assert [name.name for name in result.names.values()] == ["cup 5"]


def test_one_line_where_pictures_or_frames_are_unknown(tmp_path: Path) -> None:
    source = made.via(tmp_path / "a.json", [0], version=2)
    with pytest.raises(InputError, match="expected the pictures beside .*a.json.*give the video"):
        import_masks(source, tmp_path / "a.zarr", format="via")
    content = json.loads(made.via(tmp_path / "b.json", [0], version=3).read_text())
    content["file"]["0"]["type"] = 4
    with pytest.raises(InputError, match="left out 1 region or time of a video or sound"):
        import_masks(made.write_json(tmp_path / "b.json", content), tmp_path / "a.zarr", format="via")


def test_masks_of_coco_in_the_ways_of_other_tools(tmp_path: Path) -> None:
    """VIA has one polygon without a list around; others have pairs of numbers, and lists of run lengths."""
    path = made.coco(tmp_path / "a.json", [0, 2, 4])
    content = json.loads(path.read_text())
    rle = Rles.from_masks(disc(4)[None]).counts[0].decode()
    ways = (content["annotations"][0]["segmentation"][0], [made.circle(2)], [{"size": SIZE, "counts": rle}])
    for annotation, way in zip(content["annotations"], ways, strict=True):
        annotation["segmentation"] = way
    assert are_discs(import_masks(made.write_json(path, content), tmp_path / "a.zarr", format="coco"), [0, 2, 4])


def test_it_is_read_and_not_written(tmp_path: Path) -> None:
    result = import_masks(made.write_maps(tmp_path / "in", {0: 0}), tmp_path / "a.zarr", format="davis")
    assert areas(result)
    with pytest.raises(SettingsError, match="not 'via'; it can be imported alone"):
        export(result, tmp_path / "out", format="via")
