"""Clicks as four strings: written as documented, read back, and refused where something is wrong in them."""

import json

import numpy as np
import pytest

from overseg.errors import InputError
from overseg.prompts.clicks import Clicks, read_clicks, write_clicks

SIZE = (90, 120)
GIVEN = {
    "click_coordinates": "[39,23],[51,30],[5,6],[80,70]",
    "click_labels": "1,1,0,1",
    "click_frames": "0,0,0,2",
    "click_object_ids": "obj_1,obj_1,obj_1,left cup",
    "num_points": 4,
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clicks.json"


def read(path, size=SIZE, **changes) -> Clicks:
    content = {**GIVEN, **changes}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    return read_clicks(path, size=size, n_frames=3)


def test_what_is_documented_is_read_and_written(path):
    clicks = read(path)
    assert clicks.xy.tolist() == [[39, 23], [51, 30], [5, 6], [80, 70]]
    assert clicks.label.tolist() == [1, 1, 0, 1]
    assert clicks.frame.tolist() == [0, 0, 0, 2]
    assert clicks.object == ("obj_1", "obj_1", "obj_1", "left cup")
    write_clicks(path, clicks)
    assert json.loads(path.read_text()) == {**GIVEN, "width": 120, "height": 90}
    assert read_clicks(path, size=SIZE, n_frames=3).strings() == clicks.strings()


def test_spaces_do_not_matter_and_neither_does_a_missing_number(path):
    spaced = read(
        path, click_coordinates=" [39, 23] , [51,30],[5,6],[ 80,70 ]", click_labels="1, 1,0 ,1", num_points=None
    )
    assert spaced.strings() == read(path).strings()


def test_a_file_as_windows_writes_it(path):
    path.write_text(json.dumps(GIVEN), encoding="utf-8-sig")
    assert read_clicks(path, size=SIZE, n_frames=3).strings() == read(path).strings()


@pytest.mark.parametrize("shrunk", [1, 2])
def test_as_prompts(path, shrunk):
    objects = read(path).prompted((SIZE[0] // shrunk, SIZE[1] // shrunk))
    assert [one.name for one in objects.names] == ["obj_1", "left cup"]
    prompts = objects.prompts
    assert (prompts.object.tolist(), prompts.frame.tolist(), prompts.n_points.tolist()) == ([0, 1], [0, 2], [3, 1])
    assert np.allclose(prompts.point_xy[0] * shrunk, [[39, 23], [51, 30], [5, 6]])
    assert prompts.point_label[0].tolist() == [1, 1, 0]
    assert prompts.rles.size == (SIZE[0] // shrunk, SIZE[1] // shrunk)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"width": 640, "height": 480}, "width and height: expected clicks for pictures of 120 x 90 px, as this video"),
        (
            {"click_coordinates": "[39,23],[51,30],[5,6],[120,70]"},
            r"click_coordinates: point 4, .120,70., lies out",
        ),
        ({"click_coordinates": "[39,23],[51;30]"}, r"click_coordinates: expected whole numbers as .*, got '\[51;30\]'"),
        ({"click_coordinates": "[39,23],[51,30],[5,-6],[80,70]"}, r"click_coordinates: .*, got '\[5,-6\],\[80,70\]'"),
        ({"click_coordinates": ""}, "click_coordinates: expected whole numbers"),
        ({"click_coordinates": [[39, 23]]}, "expected a string click_coordinates"),
        ({"click_coordinates": None}, "expected a string click_coordinates"),
        ({"click_labels": "1,1,0"}, "click_labels: expected 4 values, one for each point, got 3"),
        ({"click_labels": "1,1,0,2"}, "click_labels: expected 1 .* or 0 .*, got 2"),
        ({"click_labels": "0,0,0,1"}, "click_labels: expected a point with the label 1 for obj_1 on frame 0"),
        ({"click_frames": "0,0,0,3"}, "click_frames: expected frames 0 to 2, got 3"),
        ({"click_frames": "0,0,first,2"}, "click_frames: expected whole numbers as '0,0', got 'first'"),
        ({"click_object_ids": "a,b,c,d,e"}, "click_object_ids: expected 4 values, one for each point, got 5"),
        ({"click_object_ids": "a,,c,d"}, "click_object_ids: expected a name"),
        ({"num_points": 5}, "num_points: expected 4, the number of points, got 5"),
    ],
)
def test_what_is_refused(path, changes, line):
    with pytest.raises(InputError, match=line) as raised:
        read(path, **changes)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["[1]", "no json", "", '{"click_labels": "1"}'])
def test_what_is_no_file_of_clicks(path, text):
    path.write_text(text)
    with pytest.raises(InputError, match="clicks.json"):
        read_clicks(path, size=SIZE, n_frames=3)


def test_no_file(path):
    with pytest.raises(InputError, match="expected clicks as JSON in .*clicks.json, cannot read it"):
        read_clicks(path, size=SIZE, n_frames=3)
