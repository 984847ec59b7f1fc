"""Label Studio's other exports and tags: JSON-MIN, labels beside shapes, pages, bitmaps, and boxes on videos."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import LABEL, SIZE, are_discs, areas, disc
from annotations.test_shapes import Remarks
from PIL import Image

from overseg.annotations.recognise import read_any
from overseg.errors import InputError
from overseg.interchange.importing import import_masks
from overseg.output.video_writer import VideoWriter
from overseg.store.result import Result

BOX = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, "rotation": 0}


def read(path: Path, tmp_path: Path, **options: Any) -> tuple[Result, list[str]]:
    remarks = Remarks()
    return import_masks(path, tmp_path / "out.zarr", format="label-studio", report=remarks, **options), remarks.lines


def in_min(name: str, tag: str, region: dict[str, Any], id: int, **more: Any) -> dict[str, Any]:
    """A task of JSON-MIN, with a region of a tag."""
    sizes = {key: region[key] for key in ("original_width", "original_height")}
    times = {
        "annotator": 1,
        "annotation_id": 5,
        "created_at": "2026-01-01",
        "updated_at": "2026-01-01",
        "lead_time": 2.5,
    }
    return {"image": f"/data/upload/1/{name}", "id": id, tag: [region["value"] | sizes], **times, **more}


def test_json_min(tmp_path: Path) -> None:
    """Which leaves out the types of regions, and repeats a task for each of its annotations."""
    tasks = [in_min(f"1a2b3c4d-{at:05}.jpg", "brush", made.brush(at), 9 - at, choice="good") for at in (3, 0)]
    tasks.append(in_min("1a2b3c4d-00005.jpg", "box", made.region("rectangle", BOX), 1))
    labels = tasks[2]["box"][0] | {"labels": [LABEL]}
    source = made.write_json(tmp_path / "a.json", [*tasks[:2], tasks[2] | {"label": [labels]}, tasks[0]])
    result, remarks = read(source, tmp_path)
    assert areas(result) == {0: [disc(0).sum()], 3: [disc(3).sum()], 5: [30 * 24]}
    assert {one.category for one in result.names.values()} == {LABEL}
    assert remarks == [f"{source}: left out 1 annotation beside the first of a picture"]
    assert [picture.name[-9:] for picture in read_any(source, None, None).pictures] == [
        "00000.jpg",
        "00003.jpg",
        "00005.jpg",
    ]


def test_labels_of_a_tag_of_their_own_and_what_is_said_of_regions(tmp_path: Path) -> None:
    """These are no regions, and not counted."""
    brush = made.brush(0) | {"type": "brush"}
    del brush["value"]["brushlabels"]
    more = [{"id": "a", "type": "labels", "value": {"labels": ["ball"]}}, {"id": "a", "type": "choices", "value": {}}]
    result, remarks = read(
        made.write_json(tmp_path / "a.json", [made.task("0.jpg", brush, *more, {"id": "b", "type": "choices"})]),
        tmp_path,
    )
    assert are_discs(result, [0]) and {one.category for one in result.names.values()} == {LABEL}
    assert remarks == [f"{tmp_path / 'a.json'}: left out 1 choices region"]


def bitmap(frame: int) -> dict[str, Any]:
    colours = np.zeros((*SIZE, 4), np.uint8)
    colours[disc(frame)] = (200, 0, 0, 255)
    file = io.BytesIO()
    Image.fromarray(colours).save(file, format="PNG")
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return made.region("bitmasklabels", {"imageDataURL": address, "bitmasklabels": ["ball"]})


def test_bitmaps_vectors_and_turned_pictures(tmp_path: Path) -> None:
    points = [{"x": 100 * x / SIZE[1], "y": 100 * y / SIZE[0]} for x, y in made.circle(1)]
    tasks = [
        made.task("0.jpg", bitmap(0), bitmap(3) | {"image_rotation": 90}),
        made.task("1.jpg", made.region("vectorlabels", {"vertices": points, "closed": True})),
        made.task("2.jpg", made.region("vectorlabels", {"vertices": points, "closed": False})),
    ]
    result, remarks = read(made.write_json(tmp_path / "a.json", tasks), tmp_path)
    assert are_discs(result, [0, 1])
    assert "1 region of a turned picture" in remarks[0] and "1 open vector without an area" in remarks[0]


def test_several_pictures_in_one_task(tmp_path: Path) -> None:
    regions = [made.brush(at) | {"item_index": page} for page, at in ((1, 3), (0, 0))]
    task = made.task("", *regions, made.brush(5) | {"item_index": 7})
    task["data"] = {"pages": ["/data/upload/1/00000.jpg", "/data/upload/1/00003.jpg"]}
    result, remarks = read(made.write_json(tmp_path / "a.json", [task]), tmp_path)
    assert are_discs(result, [0, 3]) and "item_index is 7, and the task has 2 pictures" in remarks[0]


def test_a_size_that_no_region_states(tmp_path: Path) -> None:
    region = made.region("rectangle", BOX)
    del region["original_height"]
    source, frames = made.write_json(tmp_path / "a.json", [made.task("0.jpg", region)]), tmp_path / "frames"
    with pytest.raises(InputError, match="expected original_width and original_height of a region"):
        read(source, tmp_path)
    assert areas(read(source, tmp_path, video=made.write_frames(frames, 1))[0]) == {0: [30 * 24]}


def test_a_size_that_is_none_is_no_size_of_the_others(tmp_path: Path) -> None:
    wrong = made.brush(0) | {"original_height": "high"}
    source = made.write_json(tmp_path / "a.json", [made.task("0.jpg", wrong), made.task("1.jpg", made.brush(1))])
    result, remarks = read(source, tmp_path)
    assert are_discs(result, [1]) and "left out 1 unreadable entry; the first: task 0, region a" in remarks[0]


def on_video(
    sequence: list[dict[str, Any]], n_frames: int = 10, name: str = "clip.mp4", id: str = "x"
) -> dict[str, Any]:
    region = {"id": id, "type": "videorectangle", "value": {"framesCount": n_frames, "sequence": sequence}}
    region["value"]["labels"] = [LABEL]
    return {"data": {"video": f"/data/upload/1/1a2b3c4d-{name}"}, "annotations": [{"result": [region]}]}


def place(frame: int, x: float, *, enabled: bool = True) -> dict[str, Any]:
    return {"frame": frame, "x": x, "y": 10, "width": 20, "height": 50, "rotation": 0, "enabled": enabled}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", 20, SIZE) as writer:
        for _ in range(10):
            writer.write(np.zeros((*SIZE, 3), np.uint8))
    return tmp_path / "clip.mp4"


def test_boxes_on_a_video(clip: Path, tmp_path: Path) -> None:
    """Between two places they lie on the straight way; where one is disabled, they end until the next."""
    sequence = [place(1, 0), place(3, 20), place(4, 30, enabled=False), place(9, 60)]
    source = made.write_json(tmp_path / "a.json", [on_video(sequence)])
    result, remarks = read(source, tmp_path, video=clip)
    lefts = {
        frame: int(result.masks_at(frame).rles.boxes_xywh()[0, 0])
        for frame in range(10)
        if len(result.masks_at(frame).rles)
    }
    assert lefts == {0: 0, 1: 10, 2: 20, 3: 30, 8: 60, 9: 60} and not remarks
    assert areas(result)[0] == [20 * 30] and len(result.tracks) == 1
    assert result.names[0].category == LABEL


def test_one_of_several_videos_and_other_rates(clip: Path, tmp_path: Path) -> None:
    tasks = [on_video([place(1, 0)], 24, "other.mp4"), on_video([place(2, 0)], 11)]
    source = made.write_json(tmp_path / "a.json", tasks)
    result, _ = read(source, tmp_path, video=clip)
    assert list(areas(result)) == list(range(1, 10))
    with pytest.raises(InputError, match="counts 24 frames, and the video has 10: set the frame rate in the tool"):
        import_masks(source, tmp_path / "b.zarr", format="label-studio", video=clip, video_name="other")
    with pytest.raises(InputError, match="name one of other, clip"):
        import_masks(source, tmp_path / "b.zarr", format="label-studio", video=clip, video_name="third")
