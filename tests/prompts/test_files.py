"""Objects out of files, and what is said of files that are not what they say."""

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overseg.errors import InputError
from overseg.prompts.files import read_prompts
from overseg.prompts.objects import Pointed, gather
from overseg.prompts.words import parse_masks

SIZE = (40, 60)
BOX = {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 20}


def voc(*objects: str, size: str = "<size><width>60</width><height>40</height><depth>3</depth></size>") -> str:
    return f"<annotation><folder>f</folder>{size}{''.join(objects)}</annotation>"


def voc_object(name: str = "cup", *, xmin: str = "1") -> str:
    sides = f"<ymin>2</ymin><xmin>{xmin}</xmin><xmax>30</xmax><ymax>20.5</ymax>"
    part = "<part><name>handle</name><bndbox><xmin>5</xmin></bndbox></part>"
    return f"<object><name>{name}</name><pose>Left</pose><bndbox>{sides}</bndbox>{part}</object>"


def shape(kind: str, *points: list, label: object = "cup", **more) -> dict:
    return {"label": label, "shape_type": kind, "points": list(points), "group_id": None, "flags": {}, **more}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file into the folder in which the test runs; content that is no text as JSON."""
    monkeypatch.chdir(tmp_path)

    def written(name: str, content: object) -> Path:
        Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
        return Path(name)

    return written


def test_json_of_voc_s_form(write):
    objects = [{"name": "cup", "bndbox": BOX}, {"name": " spoon ", "bndbox": {**BOX, "xmin": "4.5"}, "pose": "Left"}]
    found = read_prompts(
        write("a.json", {"annotation": {"object": objects, "size": {"width": 60, "height": 40}}}), SIZE
    )
    assert [(one.name, one.box_xyxy) for one in found] == [("cup", (1, 2, 30, 20)), ("spoon", (4.5, 2, 30, 20))]
    alone = read_prompts(write("b.json", {"annotation": {"object": objects[0]}}), SIZE)
    assert alone[0].box_xyxy == found[0].box_xyxy


def test_pascal_voc(write):
    found = read_prompts(write("a.XML", voc(voc_object(), voc_object("spoon"))), SIZE)
    assert [(one.name, one.box_xyxy) for one in found] == [("cup", (1, 2, 30, 20.5)), ("spoon", (1, 2, 30, 20.5))]


def test_labelme(write):
    png = BytesIO()
    Image.fromarray(np.array([[True, False, True]])).save(png, "PNG")
    shapes = [
        shape("rectangle", [30, 20], [1, 2]),
        shape("point", [5, 6], label="spoon", group_id=2),
        shape("point", [7, 8], label="spoon", group_id=2, flags={"beside": True}),
        shape("polygon", [10, 10], [20, 10], [20, 20], [10, 20], label="plate", group_id=1),
        shape("mask", [30, 30], [32, 30], label="plate", group_id=1, mask=base64.b64encode(png.getvalue()).decode()),
    ]
    found = read_prompts(write("a.json", {"shapes": shapes, "imageHeight": 40, "imageWidth": 60}), SIZE)
    objects = gather(found, input_size=SIZE, size=SIZE, frame=0)
    assert [(one.name, one.category) for one in objects.names] == [
        ("cup", "cup"),
        ("spoon 2", "spoon"),
        ("plate 1", "plate"),
    ]
    assert objects.prompts.box_xyxy[0].tolist() == [1, 2, 30, 20]
    assert objects.prompts.point_label[1].tolist() == [1, 0]
    plate = objects.prompts.rles.to_masks()[2]
    assert plate[10:20, 10:20].all()
    assert plate[30, 30:33].tolist() == [True, False, True]
    assert plate.sum() == 102


def test_objects_of_one_class_are_numbered(write):
    square = [[10, 10], [20, 10], [20, 20]]
    shapes = [
        shape("rectangle", [1, 2], [30, 20]),
        shape("polygon", *square),
        shape("rectangle", [1, 2], [30, 20], group_id=2),  # which takes a name that the second would have
        shape("rectangle", [1, 2], [9, 9], label="spoon"),
        shape("point", [3, 4], label="spoon"),
        shape("point", [5, 6], label="fork"),
        shape("point", [7, 8], label="fork"),
    ]
    for path, names, categories in (
        (
            write("a.xml", voc(voc_object(), voc_object("spoon"), voc_object())),
            ["cup 1", "spoon", "cup 2"],
            ["cup", "spoon", "cup"],
        ),
        (
            write("a.json", {"shapes": shapes}),
            ["cup 1", "cup 2", "spoon", "fork", "cup 3"],
            ["cup", "cup", "spoon", "fork", "cup"],
        ),
    ):
        objects = gather(read_prompts(path, SIZE), input_size=SIZE, size=SIZE, frame=0)
        assert [one.name for one in objects.names] == names
        assert [one.category for one in objects.names] == categories
    spoon, fork = (objects.prompts.take(objects.prompts.object == number) for number in (2, 3))
    assert spoon.has_box.all()
    assert [one.n_points.tolist() for one in (spoon, fork)] == [[1], [2]]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.json",
            {"shapes": [*[shape("rectangle", [1, 2], [9, 9])] * 2, shape("point", [3, 4])]},
            "a.json: shapes[2]: expected to know which of 2 objects 'cup' the point is of: give both the same group_id",
        ),
        ("a.json", "{", "a.json: expected JSON, got something else (Expecting property name"),
        ("a.json", "[" * 100_000, "a.json: expected JSON"),
        ("a.json", [1], "a.json: expected `annotation` with a list `object`, or LabelMe's `shapes`, got [1]"),
        ("a.json", {"annotation": []}, "a.json: annotation: expected a list under `object`, got []"),
        ("a.json", {"annotation": {"object": []}}, "a.json: annotation.object: expected an object at least"),
        ("a.json", {"annotation": {"object": ["cup"]}}, "a.json: annotation.object[0]: expected an object with a name"),
        ("a.json", {"annotation": {"object": [{"bndbox": BOX}]}}, "a.json: annotation.object[0].name: expected a name"),
        (
            "a.json",
            {"annotation": {"object": [{"name": "cup", "bndbox": BOX}, {"name": "b", "bndbox": [1, 2, 3, 4]}]}},
            "a.json: annotation.object[1].bndbox: expected xmin, ymin, xmax and ymax, got [1, 2, 3, 4]",
        ),
        (
            "a.json",
            {"annotation": {"object": {"name": "cup", "bndbox": {"xmin": 1, "ymin": 2, "xmax": 3}}}},
            "a.json: annotation.object[0].bndbox: expected xmin, ymin, xmax and ymax, found no ymax",
        ),
        (
            "a.json",
            {"annotation": {"object": {"name": "cup", "bndbox": {**BOX, "ymax": "tall"}}}},
            "a.json: annotation.object[0].bndbox.ymax: expected a number, got 'tall'",
        ),
        ("a.json", {"annotation": {"object": {"name": "cup", "bndbox": {**BOX, "ymax": True}}}}, "got True"),
        ("a.json", '{"annotation": {"object": {"name": "c", "bndbox": {"xmin": NaN}}}}', "found no ymin"),
        (
            "a.json",
            {"annotation": {"object": {"name": "cup", "bndbox": BOX}, "size": {"width": 6, "height": 4}}},
            "a.json: annotation.size: expected the input's size, 60 x 40 px, got 6 x 4 px",
        ),
        ("a.json", {"shapes": []}, "a.json: shapes: expected a shape at least, got []"),
        ("a.json", {"shapes": [3]}, "a.json: shapes[0]: expected a shape with a label and points, got 3"),
        ("a.json", {"shapes": [shape("point", [1])]}, "a.json: shapes[0].points[0]: expected x and y, got [1]"),
        ("a.json", {"shapes": [shape("rectangle", [1, 2])]}, "a.json: shapes[0].points: expected two corners"),
        ("a.json", {"shapes": [shape("line", [1, 2], [3, 4])]}, "a.json: shapes[0]: the line cannot be read"),
        ("a.json", {"shapes": [shape("polygon", [1, 2], [3, 4])]}, "fewer than three points"),
        ("a.json", {"shapes": [shape("mask", [1, 2], [3, 4], mask="?")]}, "a.json: shapes[0]: the mask cannot be read"),
        ("a.json", {"shapes": [shape("point", [1, 2], label=7)]}, "a.json: shapes[0].label: expected a name"),
        (
            "a.json",
            {"shapes": [shape("point", [1, 2])], "imageHeight": 60, "imageWidth": 40},
            "a.json: image: expected the input's size, 60 x 40 px, got 40 x 60 px",
        ),
        ("a.xml", "<annotation>", "a.xml: expected XML without a document type, got something else"),
        ("a.xml", "<html/>", "a.xml: expected <annotation>, as Pascal VOC has it, got <html>"),
        ("a.xml", voc(), "a.xml: annotation: expected an <object> at least, found none"),
        ("a.xml", voc("<object><name>a</name></object>"), "a.xml: annotation.object[0]: expected a <bndbox>"),
        (
            "a.xml",
            voc(voc_object(), voc_object("b", xmin="")),
            "a.xml: annotation.object[1].bndbox.xmin: expected a num",
        ),
        ("a.xml", voc(voc_object(), size="<size><width>9</width></size>"), "annotation.size.height: expected a number"),
        (
            "a.xml",
            '<!DOCTYPE a [<!ENTITY b "' + "c" * 99 + '"><!ENTITY d "&b;&b;">]><annotation>&d;</annotation>',
            "a.xml: expected XML without a document type",
        ),
        ("a.txt", "cup", "expected objects in a file that ends in .json or .xml, got a.txt"),
    ],
)
def test_a_file_that_is_not_what_it_says(write, name, content, said):
    with pytest.raises(InputError) as error:
        read_prompts(write(name, content), SIZE)
    assert said in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    for name in ("a.json", "a.xml"):
        with pytest.raises(InputError, match="cannot read .*No such file"):
            read_prompts(tmp_path / name, SIZE)


def test_a_name_twice_and_a_box_outside_are_named_by_their_place(write):
    twice = read_prompts(write("a.json", {"annotation": {"object": [{"name": "cup", "bndbox": BOX}] * 2}}), SIZE)
    with pytest.raises(InputError, match=r"^a.json: annotation.object\[1\].bndbox: the object 'cup' has a box"):
        gather(twice, input_size=SIZE, size=SIZE, frame=0)
    outside = read_prompts(write("a.xml", voc(voc_object(xmin="-3"))), SIZE)
    with pytest.raises(InputError, match=r"^a.xml: annotation.object\[0\].bndbox: expected a box inside the picture"):
        gather(outside, input_size=SIZE, size=SIZE, frame=0)


def test_a_mask_is_a_picture_that_is_black_beside_the_object(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.zeros((*SIZE, 3), np.uint8)
    values[5:9, 5:9, 1] = 3
    Image.fromarray(values).save("cup.png")
    (found,) = parse_masks("my cup:cup.png", SIZE)
    assert isinstance(found, Pointed)
    assert found.name == "my cup"
    assert found.mask is not None
    assert found.mask.area_px().tolist() == [16]
    for text, said in (
        ("cup:none.png", "--mask cup:none.png: expected a picture, cannot read it: No such file"),
        (f"cup:{__file__}", "expected a picture, cannot read it"),
    ):
        with pytest.raises(InputError, match=said):
            parse_masks(text, SIZE)
    with pytest.raises(InputError, match="--mask cup:cup.png: expected the input's size, 6 x 4 px, got 60 x 40 px"):
        parse_masks("cup:cup.png", (4, 6))
