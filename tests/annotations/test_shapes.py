"""What tools draw becomes pixels; what has no pixels is left out, and counted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import RADIUS, SIZE, are_discs, areas, centre, disc
from PIL import Image

from overseg.annotations.outlines import ellipse, rectangle
from overseg.annotations.values import polygon_counts
from overseg.cli.main import main
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.importing import import_masks
from overseg.prompts.words import parse_masks
from overseg.store.result import Result

AREA_PX = int(disc(0).sum())
FRAMES = [0, 1, 2]


class Remarks:
    """Keeps the remarks of a report."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        pass

    def event(self, name: str, **facts: str | int | float | None) -> None:
        self.lines.append(str(facts["line"]))


@pytest.fixture
def read(tmp_path):
    """Imports a file; returns the result and the remarks."""

    def go(source: Path, format: str) -> tuple[Result, list[str]]:
        remarks = Remarks()
        return import_masks(source, tmp_path / "out.zarr", format=format, report=remarks), remarks.lines

    return go


def nearly(found: int, expected: int) -> bool:
    return abs(found - expected) <= 0.03 * expected


@pytest.mark.parametrize("value", [1, 255])
def test_a_map_of_one_value_is_one_object(value, tmp_path, read):
    """Also of 255, which is void beside other values."""
    result, _ = read(made.write_maps(tmp_path / "clip", {at: at for at in FRAMES}, value=value), "davis")
    assert len(result.tracks) == 1 and are_discs(result, FRAMES)


def test_255_is_void_beside_other_values(tmp_path, read):
    folder = made.write_maps(tmp_path / "clip", {0: 0, 1: 1})
    Image.fromarray((disc(2) * 255).astype(np.uint8)).save(folder / "00002.png")
    result, _ = read(folder, "davis")
    assert are_discs(result, [0, 1]) and len(result) == 3


def test_masks_polygons_boxes_and_ellipses_of_cvat(tmp_path, read):
    x, y = centre(0)
    shapes = {
        0: made.cvat_mask(0) + '<points label="a" points="1,1"/><polyline label="a" points="1,1;9,9"/>',
        1: made.cvat_polygon(1),
        2: f'<ellipse label="{made.LABEL}" cx="{x + 12}" cy="{y}" rx="{RADIUS}" ry="{RADIUS}"/>',
        3: '<box label="a" xtl="10" ytl="5" xbr="30" ybr="15"/>',
        4: '<box label="a" xtl="10" ytl="20" xbr="30" ybr="30" rotation="90"/>',
    }
    result, remarks = read(made.cvat_images(tmp_path / "a.xml", shapes), "cvat")
    assert remarks == [f"{tmp_path / 'a.xml'}: left out 1 points without an area, 1 polyline without an area"]
    found = areas(result)
    assert found[3] == found[4] == [200]
    assert result.masks_at(4).rles.boxes_xywh()[0].tolist() == [15, 15, 10, 20]
    del found[3], found[4]
    assert list(found) == FRAMES and all(nearly(one, AREA_PX) for (one,) in found.values())


def test_tracks_of_cvat_for_video(tmp_path, read):
    shapes = "".join(made.cvat_polygon(at, frame=at, outside=int(at in (2, 3)), keyframe=1) for at in range(6))
    size = f"<original_size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></original_size>"
    meta = f"<meta><task><size>8</size>{size}</task></meta>"
    (tmp_path / "a.xml").write_text(f'<annotations>{meta}<track id="4" label="ball">{shapes}</track></annotations>')
    result, _ = read(tmp_path / "a.xml", "cvat")
    assert len(result) == 8 and are_discs(result, [0, 1, 4, 5])
    assert [name.name for name in result.names.values()] == ["ball 4"]


def test_regions_of_label_studio(tmp_path, read):
    height, width = SIZE
    x, y = centre(1)
    points = [[100 * at_x / width, 100 * at_y / height] for at_x, at_y in made.circle(1)]
    shape = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
    turned = {"x": 60, "y": 20, "width": 20, "height": 25, "rotation": 90}
    radii = {"radiusX": 100 * RADIUS / width, "radiusY": 100 * RADIUS / height, "rotation": 30}
    skipped = made.task("00003.jpg", made.brush(0), was_cancelled=True)
    tasks = [
        made.task("00000.jpg", made.brush(0), made.region("keypointlabels", {"x": 1, "y": 1, "width": 1})),
        made.task("00001.jpg", made.region("polygonlabels", {"points": points, "polygonlabels": ["ball"]})),
        made.task("00002.jpg", made.region("rectanglelabels", shape), made.region("rectanglelabels", turned)),
        skipped,
        made.task("00004.jpg", made.region("ellipselabels", {"x": 100 * x / width, "y": 100 * y / height, **radii})),
    ]
    result, remarks = read(made.write_json(tmp_path / "a.json", tasks), "label-studio")
    assert remarks == [f"{tmp_path / 'a.json'}: left out 1 keypointlabels region, 1 skipped annotation"]
    found = areas(result)
    assert found[2] == [30 * 24, 20 * 15]
    assert result.masks_at(2).rles.boxes_xywh().tolist() == [[10, 12, 30, 24], [45, 12, 15, 20]]
    assert found[0] == [AREA_PX] and 3 not in found
    assert all(nearly(found[at][0], AREA_PX) for at in (1, 4))


def test_circles_of_labelme_and_lines_that_have_no_area(tmp_path, read):
    shapes = {at: [made.labelme_shape(at, "circle"), made.labelme_shape(at, "line")] for at in FRAMES}
    result, remarks = read(made.labelme(tmp_path / "in", shapes), "labelme")
    assert are_discs(result, FRAMES)
    assert remarks == [f"{tmp_path / 'in'}: left out 3 lines without an area"]


def test_shapes_of_one_group_and_two_labels_are_two_objects(tmp_path, read):
    square = made.labelme_shape(9, label="roof")
    result, _ = read(made.labelme(tmp_path / "in", {at: [made.labelme_shape(at), square] for at in FRAMES}), "labelme")
    assert len(result.tracks) == 2 and [len(masks) for masks in areas(result).values()] == [2, 2, 2]


def test_labelme_without_a_size_has_that_of_its_picture(tmp_path, read):
    folder = made.labelme(tmp_path / "in", {0: [made.labelme_shape(0)]})
    content = json.loads((folder / "00000.json").read_text()) | {"imageHeight": None, "imageWidth": None}
    (folder / "00000.json").write_text("\ufeff" + json.dumps(content))
    with pytest.raises(InputError, match="expected imageHeight and imageWidth in .*00000.json, or its picture"):
        read(folder, "labelme")
    exif = Image.Exif()
    exif[0x0112] = 6  # the picture is stored lying on its side
    Image.fromarray(disc(0).T).convert("L").save(folder / "00000.jpg", exif=exif)
    assert are_discs(read(folder, "labelme")[0], [0])


def test_tracks_of_coco_may_stand_among_the_attributes(tmp_path, read):
    result, _ = read(made.coco(tmp_path / "a.json", FRAMES, attributes={"track_id": 0}), "coco")
    assert len(result.tracks) == 1 and are_discs(result, FRAMES)


def test_texts_as_tracks_of_coco(tmp_path, read):
    path = made.coco(tmp_path / "a.json", FRAMES, track_id="left")
    assert len(read(path, "coco")[0].tracks) == 1


@pytest.mark.parametrize("names", [("sam_output", "sam_outputs"), ("level", "levels")])
def test_sam_outputs_of_coco_under_the_names_of_earlier_versions(names, tmp_path, read):
    path = made.coco(tmp_path / "a.json", FRAMES, **dict(zip(names, (1, 3), strict=True)))
    masks = read(path, "coco")[0].masks_at(0)
    assert (masks.sam_output.tolist(), masks.sam_outputs.tolist()) == ([1], [3])


@pytest.mark.parametrize(
    ("segmentation", "frames", "what"),
    [
        ([], [0, 2], "1 annotation without a mask"),
        (None, [0, 2], "1 annotation without a mask"),
        ([[3, 4, 5, 6]], [0, 2], "1 polygon of fewer than three points"),
        ([[3, 4, 5, 6], np.ravel(made.circle(1)).tolist()], FRAMES, "1 polygon of fewer than three points"),
    ],
)
def test_one_annotation_does_not_stop_the_others(segmentation, frames, what, tmp_path, read):
    path = made.coco(tmp_path / "a.json", FRAMES)
    content = json.loads(path.read_text())
    content["annotations"][1] |= {"segmentation": segmentation, "score": 1.02}
    result, remarks = read(made.write_json(path, content), "coco")
    assert are_discs(result, frames)
    assert remarks == [f"{path}: left out {what}"]


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (None, "NoneType"),
        ({"image_id": 99}, "expected 99 at"),
        ({"score": "high"}, "could not convert"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "pairs of numbers"),
        ({"segmentation": [[1, 2, None, 4, 5, 6]]}, "TypeError"),
        ({"segmentation": {"size": [30, 50], "counts": [1500]}}, "got 50 x 30 px"),
        ({"segmentation": {"size": [*SIZE], "counts": [5, 10]}}, "add up to 15"),
    ],
)
def test_what_is_wrong_with_one_annotation_is_said_and_the_others_are_read(annotation, reason, tmp_path, read):
    source = made.coco(tmp_path / "a.json", FRAMES)
    content = json.loads(source.read_text())
    content["annotations"].append(annotation and {**content["annotations"][0], **annotation})
    result, remarks = read(made.write_json(source, content), "coco")
    assert are_discs(result, FRAMES)
    assert len(remarks) == 1 and "left out 1 unreadable entry; the first: " in remarks[0] and reason in remarks[0]


def test_what_is_odd_in_coco_and_can_be_read(tmp_path, read):
    """A byte order mark, ids as text, an image that is listed twice, a category without a name, one null track."""
    source = made.coco(tmp_path / "a.json", FRAMES)
    content = json.loads(source.read_text())
    content["images"].append(content["images"][0])
    content["annotations"][0].update(image_id="7", track_id=None)
    content["categories"][0]["name"] = None
    source.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    result, remarks = read(source, "coco")
    assert are_discs(result, FRAMES) and len(result.tracks) == 2 and not remarks


@pytest.mark.parametrize(
    ("shape", "area_px"),
    [
        ({"shape_type": "rotation", "points": [[5, 5], [30, 5], [30, 30], [5, 30]]}, 625),
        ({"shape_type": "rectangle", "points": [[5, 15], [35, 15], [35, 45], [5, 45]]}, 900),
        ({"group_id": "left"}, AREA_PX),
        ({"label": None}, AREA_PX),
    ],
)
def test_shapes_of_other_versions_of_labelme(shape, area_px, tmp_path, read):
    shapes = [made.labelme_shape(0, **shape), made.labelme_shape(0, points=None), None]
    source = made.labelme(tmp_path / "a", {0: shapes, 1: [made.labelme_shape(1)]})
    content = json.loads((source / "00000.json").read_text())
    made.write_json(source / "00000.json", {"shapes": content["shapes"]})  # no size, as before version 3.10
    result, remarks = read(source, "labelme")
    assert nearly(areas(result)[0][0], area_px) and list(areas(result)) == [0, 1]
    assert "left out 2 unreadable entries" in remarks[0]


def test_tasks_of_other_versions_of_label_studio(tmp_path, read):
    tasks = [made.task(f"{at:05}.jpg", made.brush(at)) for at in FRAMES]
    tasks[0]["completions"] = tasks[0].pop("annotations")
    tasks[1]["annotations"][0]["result"] += [{"value": {}}, {"type": "relation"}]
    tasks[2]["annotations"].append({"result": None})
    result, remarks = read(made.write_json(tmp_path / "a.json", tasks), "label-studio")
    assert are_discs(result, FRAMES)
    assert "region without a type" in remarks[0] and "annotation beside the first" in remarks[0]


def test_a_polygon_beside_the_picture_is_counted(tmp_path, read):
    far = made.cvat_polygon(0).replace("points=", 'other="" points="-9,-9;-5,-9;-5,-5" old=')
    result, remarks = read(made.cvat_images(tmp_path / "a.xml", {0: made.cvat_polygon(0) + far}), "cvat")
    assert are_discs(result, [0]) and "1 shape without a pixel" in remarks[0]


def test_a_file_of_which_everything_is_left_out_is_refused(tmp_path, read):
    path = made.labelme(tmp_path / "in", {0: [made.labelme_shape(0, "line")]})
    with pytest.raises(InputError, match="no mask could be read; .*in: left out 1 line without an area"):
        read(path, "labelme")
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


def test_the_command_prints_what_it_left_out(tmp_path, capsys):
    made.labelme(tmp_path / "in", {0: [made.labelme_shape(0), made.labelme_shape(0, "line")]})
    words = ["import", str(tmp_path / "in"), str(tmp_path / "a.zarr"), "--format", "labelme"]
    assert main(words) == 0
    assert "left out 1 line without an area" in capsys.readouterr().err


def picture(path: Path, kind: str) -> Path:
    """A picture of discs 0 and 10, and void on disc 5 where the kind has it."""
    first, second, void = disc(0), disc(10) & ~disc(5), disc(5) & ~disc(0)
    if kind == "jpeg":
        Image.fromarray(255 * first.astype(np.uint8)).save(path, format="JPEG", quality=60)
    elif kind == "soft":
        soft = np.where(first, 255, np.where(disc(1), 90, 0))
        Image.fromarray(soft.astype(np.uint8)).save(path, format="PNG")
    elif kind == "colours":
        colours = np.zeros((*SIZE, 3), np.uint8)
        colours[first], colours[second] = (200, 0, 0), (0, 90, 0)
        Image.fromarray(colours).save(path, format="PNG")
    elif kind == "kitti":
        Image.fromarray((first * 1001 + second * 1002 + void * 10_000).astype(np.uint16)).save(path, format="PNG")
    else:
        image = Image.fromarray((first * 1 + second * 2 + (0 if kind == "grey" else 255 * void)).astype(np.uint8))
        if kind == "palette":
            image.putpalette([7, 7, 7] * 256)
        image.save(path, format="PNG")
    return path


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("jpeg", {"cup": disc(0)}),
        ("soft", {"cup": disc(0) | disc(1)}),
        ("palette", {"cup 1": disc(0), "cup 2": disc(10) & ~disc(5)}),
        ("grey", {"cup 1": disc(0), "cup 2": disc(10) & ~disc(5)}),
        ("grey with void", {"cup 1": disc(0), "cup 2": disc(10) & ~disc(5)}),
        ("kitti", {"cup 1001": disc(0), "cup 1002": disc(10) & ~disc(5)}),
        ("colours", {"cup 200": disc(0), "cup 23040": disc(10) & ~disc(5)}),
    ],
)
def test_masks_to_follow(kind, expected, tmp_path):
    found = parse_masks(f"cup:{picture(tmp_path / 'a', kind)}", SIZE)
    assert [one.name for one in found] == list(expected)
    for one, mask in zip(found, expected.values(), strict=True):
        assert one.mask is not None
        wrong_px = int((one.mask.to_masks()[0] ^ mask).sum())
        assert wrong_px <= (3 if kind == "jpeg" else 0)


def test_outlines_are_filled_where_they_are():
    def filled(outline: list[float]) -> Any:
        return Rles(SIZE, (polygon_counts([outline], SIZE),)).to_masks()[0]

    assert nearly(int(filled(ellipse(*centre(0), RADIUS, RADIUS)).sum()), AREA_PX)
    tall = filled(ellipse(50, 30, 20, 5, degrees=90))
    assert tall[15, 50] and not tall[30, 60]
    assert filled(rectangle(10, 5, 30, 15)).sum() == 200
    slanted = filled(rectangle(20, 10, 60, 40, degrees=45))
    assert slanted[25, 40] and not slanted[12, 22] and slanted[5:8, 40 - 3 : 40 + 24].any()
