"""Entries that are odd or wrong in one place do not stop the others, in any format."""

import json
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import LABEL, SIZE, are_discs, areas, disc
from annotations.test_shapes import Remarks
from PIL import Image

from overseg.annotations.recognise import read_any, read_frames
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.importing import import_masks
from overseg.store.result import Result


@pytest.fixture
def read(tmp_path: Path):
    """Imports a file; returns the result and the remarks."""

    def go(source: Path, format: str, **options) -> tuple[Result, list[str]]:
        remarks = Remarks()
        return import_masks(source, tmp_path / "out.zarr", format=format, report=remarks, **options), remarks.lines

    return go


def counts(frame: int) -> str:
    return Rles.from_masks(disc(frame)[None]).counts[0].decode()


@pytest.mark.parametrize("member", ["images", "categories", "tracks", "annotations"])
def test_null_ids_of_coco(member: str, tmp_path: Path, read) -> None:
    source = made.coco(tmp_path / "a.json", [0, 1])
    content = json.loads(source.read_text())
    content.setdefault("tracks", []).append({"id": 5, "name": "left"})
    content[member].append(content[member][0] | {"id": None})
    result, remarks = read(made.write_json(source, content), "coco")
    assert are_discs(result, [0, 1]) and result.names[0].category == LABEL
    assert (member == "annotations") == (not remarks)
    assert not remarks or f"1 unreadable entry; the first: {member}" in remarks[0]


def test_an_image_of_coco_that_is_none(tmp_path: Path, read) -> None:
    source = made.coco(tmp_path / "a.json", [0])
    content = json.loads(source.read_text())
    content["images"].append("a/b")
    result, remarks = read(made.write_json(source, content), "coco")
    assert are_discs(result, [0]) and "images[1]" in remarks[0]


def test_an_object_of_youtube_vis_without_an_id(tmp_path: Path, read) -> None:
    video = {"id": 1, "height": SIZE[0], "width": SIZE[1], "file_names": ["clip/0.jpg"]}
    masks = [{"size": [*SIZE], "counts": counts(0)}]
    content = {"videos": [video], "annotations": [{"id": None, "video_id": 1, "segmentations": masks}]}
    assert are_discs(read(made.write_json(tmp_path / "a.json", content), "youtube-vis")[0], [0])


def test_attributes_that_cvat_leaves_undefined(tmp_path: Path, read) -> None:
    """Shapes without a track are objects of their own."""
    attributes = "".join(
        f'<attribute name="{name}">__undefined__</attribute>' for name in ("track_id", "score", "name")
    )
    shapes = {at: made.cvat_mask(at).replace("/>", f">{attributes}</mask>") for at in (0, 1)}
    result, remarks = read(made.cvat_images(tmp_path / "a.xml", shapes), "cvat")
    assert are_discs(result, [0, 1]) and len(result.tracks) == 2 and not remarks


def test_an_image_of_cvat_without_a_size_and_points_that_end_with_a_semicolon(tmp_path: Path, read) -> None:
    shapes = {0: made.cvat_polygon(0), 1: made.cvat_polygon(1).replace('" />', ';" />')}
    source = made.cvat_images(tmp_path / "a.xml", shapes)
    head, tail = source.read_text().rsplit(f'height="{SIZE[0]}" width="{SIZE[1]}"', 1)
    source.write_text(head + tail)
    assert are_discs(read(source, "cvat")[0], [0, 1])


def test_an_empty_group_of_labelme_is_none(tmp_path: Path, read) -> None:
    shapes = {at: [made.labelme_shape(at, group_id="")] for at in (0, 1)}
    assert len(read(made.labelme(tmp_path / "in", shapes), "labelme")[0].tracks) == 2


def test_lines_of_mots_with_tabs_without_objects_and_wrong(tmp_path: Path, read) -> None:
    lines = [f"{at} {id} 1 {SIZE[0]} {SIZE[1]} {counts(at)}" for at, id in ((0, "1003"), (1, "-1"))]
    (tmp_path / "0002.txt").write_text("\n".join([lines[0].replace(" ", "\t"), "1 2 3", lines[1], "x" + lines[0]]))
    result, remarks = read(tmp_path / "0002.txt", "mots")
    assert are_discs(result, [0, 1]) and len(result.tracks) == 2 and "left out 2 unreadable entries" in remarks[0]


def test_a_trackers_boxes_in_a_file_alone(tmp_path: Path, read) -> None:
    (tmp_path / "clip.txt").write_text("1,3,11,21,30,20,0.9,-1,-1,-1\n3,-1,11,21,10,20,0.9,-1,-1,-1\nx,3,1,1,1,1\n")
    with pytest.raises(InputError, match="expected seqinfo.ini beside .*clip.txt"):
        read(tmp_path / "clip.txt", "mot")
    frames = made.write_frames(tmp_path / "frames", 4)
    assert areas(read(tmp_path / "clip.txt", "mot", video=frames)[0]) == {0: [600], 2: [200]}
    assert read_any(tmp_path / "clip.txt", SIZE, None).size == SIZE


def test_pictures_beside_masks_are_no_masks(tmp_path: Path) -> None:
    folder = made.write_maps(tmp_path / "in", {0: 0, 1: 1})
    for at in (0, 1):
        Image.fromarray(np.full((*SIZE, 3), 200, np.uint8)).save(folder / f"{at:05}.jpg")
    for read in (read_frames(folder), read_any(folder, None, None)):
        assert [picture.name for picture in read.pictures] == ["00000.png", "00001.png"]
    (folder / "._00000.png").write_bytes(b"what macOS leaves")
    assert len(read_frames(folder).pictures) == 2


def test_a_segment_of_a_panoptic_file_without_an_id(tmp_path: Path, read) -> None:
    made.write_maps(tmp_path / "panoptic", {0: 0}, value=3)
    segments = [{"id": None}, {"id": 3, "category_id": 1}]
    images = [{"id": 1, "height": SIZE[0], "width": SIZE[1], "file_name": "00000.jpg"}]
    annotations = [{"image_id": 1, "file_name": "00000.png", "segments_info": segments}]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": LABEL}]}
    result, remarks = read(made.write_json(tmp_path / "panoptic.json", content), "panoptic")
    assert are_discs(result, [0]) and result.names[0].category == LABEL and "segments_info[0]" in remarks[0]
