"""Tracks of CVAT that have keyframes alone, and projects of several tasks."""

from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, are_discs, areas, disc
from annotations.test_shapes import Remarks

from overseg.annotations.cvat_shapes import Outline, between
from overseg.errors import InputError
from overseg.interchange.importing import import_masks
from overseg.store.result import Result


def read(source: Path, out: Path) -> tuple[Result, list[str]]:
    remarks = Remarks()
    return import_masks(source, out, format="cvat", report=remarks), remarks.lines


def outlines(*frames: int, end: int | None = None, keyframe: int = 1) -> str:
    shapes = [made.cvat_polygon(at, frame=at, outside=0, keyframe=keyframe) for at in frames]
    if end is not None:
        shapes.append(made.cvat_polygon(end, frame=end, outside=1, keyframe=1))
    return "".join(shapes)


def boxes(places: dict[int, int], end: int) -> str:
    """Boxes of 10 x 20 px by frame, whose left edge is where `places` says; not seen on the frame `end`."""
    return "".join(
        f'<box frame="{at}" outside="{int(at == end)}" keyframe="1" xtl="{x}" ytl="10" xbr="{x + 10}" ybr="30"/>'
        for at, x in places.items()
    )


def test_shapes_go_straight_from_keyframe_to_keyframe(tmp_path: Path) -> None:
    """The disc moves evenly, so it is where it would be; the track ends where it is outside."""
    source = made.cvat_video(tmp_path / "a.xml", 9, outlines(0, 3, 5, end=7))
    result, remarks = read(source, tmp_path / "a.zarr")
    assert are_discs(result, [0, 1, 2, 3, 4, 5, 6]) and len(result) == 9
    assert remarks == [f"{source}: made 4 of the masks, those between keyframes"]


def test_boxes_go_straight_and_are_not_seen_where_they_are_outside(tmp_path: Path) -> None:
    source = made.cvat_video(tmp_path / "a.xml", 9, boxes({1: 0, 3: 20, 5: 20, 7: 40}, end=5))
    result, _ = read(source, tmp_path / "a.zarr")
    left = {frame: result.masks_at(frame).rles.boxes_xywh()[0, 0] for frame in areas(result)}
    assert left == {1: 0, 2: 10, 3: 20, 4: 20, 7: 40, 8: 40}, "and it stays until the end of the task"


def test_what_leaves_the_picture_is_not_counted_as_made(tmp_path: Path) -> None:
    """And a job of a task states its last frame."""
    source = made.cvat_video(tmp_path / "a.xml", 9, boxes({0: 80, 4: 120, 6: 120}, end=6))
    result, remarks = read(source, tmp_path / "a.zarr")
    assert list(areas(result)) == [0, 1]
    assert remarks[0].endswith(
        "left out 3 shapes without a pixel of the picture; made 1 of the masks, those between keyframes"
    )
    job = "<start_frame>5</start_frame><stop_frame>9</stop_frame><size>"
    path = made.cvat_video(tmp_path / "b.xml", 5, boxes({5: 0, 7: 20}, end=-1))
    path.write_text(path.read_text().replace("<size>", job, 1))
    assert list(areas(read(path, tmp_path / "b.zarr")[0])) == [5, 6, 7, 8, 9]


def test_tracks_that_list_every_frame_are_as_they_are(tmp_path: Path) -> None:
    """Of an export of every second frame, too, and of tracks that have frames which are no keyframes."""
    source = made.cvat_video(tmp_path / "a.xml", 9, outlines(0, 1, 2), outlines(4, 6, keyframe=0))
    result, remarks = read(source, tmp_path / "a.zarr")
    assert are_discs(result, [0, 1, 2, 4, 6]) and not remarks
    path = made.cvat_video(tmp_path / "b.xml", 5, outlines(0, 2, 4))
    path.write_text(path.read_text().replace("</size>", "</size><frame_filter>step=2</frame_filter>", 1))
    assert are_discs(read(path, tmp_path / "b.zarr")[0], [0, 2, 4])


def test_masks_stay_until_the_next_keyframe(tmp_path: Path) -> None:
    masks = [made.cvat_mask(at).replace("<mask", f'<mask frame="{at}" outside="0" keyframe="1"') for at in (0, 2)]
    result, _ = read(made.cvat_video(tmp_path / "a.xml", 3, "".join(masks)), tmp_path / "a.zarr")
    found = [result.masks_at(frame).rles.to_masks()[0] for frame in range(3)]
    np.testing.assert_array_equal(found, [disc(0), disc(0), disc(2)])


def test_keyframes_that_are_too_far_apart_are_refused(tmp_path: Path) -> None:
    source = made.cvat_video(tmp_path / "a.xml", 9, boxes({0: 0, 900_000: 1}, end=900_000))
    with pytest.raises(InputError, match="keyframes so far apart"):
        read(source, tmp_path / "a.zarr")


@pytest.mark.parametrize(("one", "other", "half"), [(350, 10, 0), (10, 350, 0), (0, 90, 45)])
def test_shapes_turn_the_shorter_way(one: float, other: float, half: float) -> None:
    numbers = (0.0, 0.0, 4.0, 4.0)
    assert between(Outline("box", numbers, one), Outline("box", numbers, other), 0.5).degrees % 360 == half


def test_polygons_of_different_points() -> None:
    square, more = (0, 0, 8, 0, 8, 8, 0, 8), (4, 0, 8, 0, 12, 0, 12, 8, 4, 8)
    found = between(Outline("polygon", square), Outline("polygon", more), 0.5)
    assert Outline("polygon", (2, 0, 10, 0, 10, 8, 2, 8)).counts(SIZE) == found.counts(SIZE)
    point = Outline("polygon", (1.0, 1.0) * 3)
    assert set(between(point, point, 0.5).numbers) == {1.0}


def test_a_project_has_several_tasks(tmp_path: Path) -> None:
    source = made.cvat_project(tmp_path / "a.xml", {"other": [0, 1], "clip": [0, 3]})
    with pytest.raises(InputError, match=r"expected one task in .*name one of other, clip"):
        read(source, tmp_path / "a.zarr")
    frames = made.write_frames(tmp_path / "clip", 5)
    assert are_discs(import_masks(source, tmp_path / "a.zarr", format="cvat", video=frames), [0, 3])
    assert are_discs(import_masks(source, tmp_path / "b.zarr", format="cvat", video_name="other"), [0, 1])
