"""Every form of ground truth, written as its makers do, comes back as the same objects; and what is wrong is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluate.made_results import SIZE, Scene, box, make_result
from PIL import Image
from pycocotools import mask as coco_mask

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.evaluate.run_frames import RunFrames
from overseg.evaluate.truth import Truth, read_truth

SCENE: Scene = [{1: box(5, 5 + at, 10, 10), 2: box(30, 40, 10, 12 + at)} for at in range(9)]
del SCENE[4][2]
ANNOTATED = (0, 4, 8)


def rle(mask: np.ndarray) -> dict[str, Any]:
    return {"size": list(SIZE), "counts": Rles.from_masks(mask[None]).counts[0].decode()}


def polygon(mask: np.ndarray) -> list[list[int]]:
    """Of a box: its corners."""
    y, x = np.nonzero(mask)
    left, top, right, bottom = int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1
    return [[left, top, right, top, right, bottom, left, bottom]]


def write_png(path: Path, values: np.ndarray, *, palette: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8))
    if palette:
        image.putpalette([value for value in range(256) for _ in "rgb"])
    image.save(path)


def davis(folder: Path) -> Path:
    for at in ANNOTATED:
        write_png(folder / f"{at:05}.png", sum(number * mask for number, mask in SCENE[at].items()))
    return folder


def sav_folder(folder: Path) -> Path:
    nowhere = np.zeros(SIZE, bool)
    for at in ANNOTATED:
        for number in (1, 2):
            write_png(folder / f"{number:03}" / f"{at:05}.png", SCENE[at].get(number, nowhere) * 1, palette=False)
    return folder


def sav_json(folder: Path) -> Path:
    masks = [[rle(SCENE[at][n]) if n in SCENE[at] else None for n in (1, 2)] for at in ANNOTATED]
    content = {"video_id": "clip", "video_frame_count": 9.0, "masklet": masks, "masklet_id": [1, 2]}
    return write_json(folder / "clip_manual.json", content)


def ytvis(folder: Path) -> Path:
    videos = [
        {"id": 3, "file_names": ["other/00000.jpg"]},
        {"id": 7, "height": 60, "width": 80, "file_names": [f"clip/{at:05}.jpg" for at in ANNOTATED]},
    ]
    annotations = [{"id": 9, "video_id": 3, "segmentations": [None]}]
    for number in (1, 2):
        masks = [SCENE[at].get(number) for at in ANNOTATED]
        segmentations = [None if m is None else rle(m) if number == 1 else polygon(m) for m in masks]
        annotations.append({"id": number, "video_id": 7, "segmentations": segmentations})
    return write_json(folder / "instances.json", {"videos": videos, "annotations": annotations})


def coco(folder: Path) -> Path:
    images = [{"id": 100 + at, "file_name": f"clip/{at:05}.jpg", "video_id": 7, "frame_id": at} for at in ANNOTATED]
    images.append({"id": 1, "file_name": "other/00000.jpg", "video_id": 3, "frame_id": 0})
    annotations = [
        {"id": 10 * at + number, "image_id": 100 + at, "track_id": number, "segmentation": rle(SCENE[at][number])}
        for at in ANNOTATED
        for number in SCENE[at]
    ]
    videos = [{"id": 3, "name": "other"}, {"id": 7, "name": "clip"}]
    return write_json(folder / "coco.json", {"videos": videos, "images": images, "annotations": annotations})


def cvat_coco(folder: Path) -> Path:
    """Without videos; frames by name, tracks among the attributes, uncompressed runs and polygons."""
    images = [{"id": at, "file_name": f"frame_{at:06}.PNG"} for at in ANNOTATED]
    annotations = []
    for at in ANNOTATED:
        for number, mask in SCENE[at].items():
            runs = [0, *np.diff(np.flatnonzero(np.diff(mask.T.ravel(), prepend=2, append=2))).tolist()]
            plain = {"size": list(SIZE), "counts": runs if mask[0, 0] else runs[1:]}
            shape = plain if number == 1 else polygon(mask)
            annotations.append({"image_id": at, "attributes": {"track_id": number}, "segmentation": shape})
    return write_json(folder / "instances_default.json", {"images": images, "annotations": annotations})


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> RunFrames:
    """Of a store of nine frames of `clip`."""
    return RunFrames(make_result(tmp_path_factory.mktemp("made") / "a.zarr", SCENE_OF_TRACKS))


SCENE_OF_TRACKS: Scene = [{0: box(0, 0, 5, 5)}] * 9


def check(truth: Truth) -> None:
    assert truth.frames.tolist() == list(ANNOTATED)
    assert [int(name) for name in truth.names] == [1, 2]
    for frame, number, mask in zip(truth.frame, truth.object, truth.rles.to_masks(), strict=True):
        assert np.array_equal(mask, SCENE[frame].get(int(truth.names[number]), np.zeros(SIZE, bool)))
    assert len(truth.frame) == 6


@pytest.mark.parametrize("write", [davis, sav_folder, sav_json, ytvis, coco, cvat_coco])
def test_every_form_is_read(write: Callable[[Path], Path], tmp_path, names):
    path = write(tmp_path / "gt")
    check(read_truth(path, names))
    check(read_truth(path if path.is_dir() else path.parent, names))


@pytest.mark.parametrize("root", ["", "Annotations_6fps"])
@pytest.mark.parametrize("write", [davis, sav_folder])
def test_of_the_folder_of_a_data_set_the_videos_own_is_taken(write, root, tmp_path, names):
    write(tmp_path / "gt" / root / "clip")
    write(tmp_path / "gt" / root / "another")
    check(read_truth(tmp_path / "gt", names))


def test_sav_json_may_have_every_frame(tmp_path, names):
    content = {"video_frame_count": 9, "masklet": [[rle(SCENE[at][1])] for at in range(9)], "masklet_id": [1]}
    truth = read_truth(write_json(tmp_path / "a.json", content), names)
    assert truth.frames.tolist() == list(range(9))


def test_255_is_void_beside_objects_and_the_object_where_it_is_alone(tmp_path, names):
    for at in (0, 1):
        write_png(tmp_path / "void" / f"{at}.png", 1 * SCENE[at][1] + 255 * SCENE[at][2])
        write_png(tmp_path / "binary" / f"{at}.png", 255 * SCENE[at][1], palette=False)
    void, binary = (read_truth(tmp_path / name, names) for name in ("void", "binary"))
    assert void.names == ("1",) and np.array_equal(void.void[1].to_masks()[0], SCENE[1][2])
    assert binary.names == ("255",) and not binary.void
    assert np.array_equal(binary.rles.to_masks()[1], SCENE[1][1])


def test_a_colour_is_an_object(tmp_path, names):
    """As `overseg import --format davis` reads it: red + 256 green + 65536 blue."""
    colours = np.zeros((*SIZE, 3), np.uint8)
    for number, colour in ((1, (3, 0, 0)), (2, (0, 1, 0))):
        colours[SCENE[0][number]] = colour
    Image.fromarray(colours).save(tmp_path / "00000.png")
    truth = read_truth(tmp_path, names)
    assert truth.names == ("3", "256")
    assert np.array_equal(truth.rles.to_masks(), [SCENE[0][1], SCENE[0][2]])


def names_for(tmp_path, **settings: Any) -> RunFrames:
    result = make_result(tmp_path / "s.zarr", SCENE_OF_TRACKS[:3])
    result.identity["settings"].update(settings)
    return RunFrames(result)


def find(names: RunFrames, name: str) -> int | None:
    """The store's frame of one annotated picture."""
    nothing = PictureMasks(Rles.empty(SIZE), np.zeros(0, np.int64))
    (frame,) = names.of(Annotations(Path("here"), SIZE, (Picture("here", name),), lambda row: nothing))
    return frame


def test_numbers_are_those_of_the_whole_video(tmp_path):
    names = names_for(tmp_path, start=10, stride=2, end=16)
    found = [find(names, f"{number:05}.png") for number in (8, 10, 11, 12, 14, 16, 99)]
    assert found == [None, 0, None, 1, 2, None, None]


def test_images_at_hand_give_frames_their_names(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("f_7", "f_12", "f_9"):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(folder / f"{name}.png")
    result = make_result(tmp_path / "s.zarr", SCENE_OF_TRACKS[:3])
    names = RunFrames(result, video=folder)
    assert [find(names, name) for name in ("f_7.png", "x/f_12.jpg", "mask_0009.png")] == [0, 2, 1]
    with pytest.raises(InputError, match="here: '5.png' has neither the name nor the number of an image of the video"):
        find(names, "5.png")


def change(write: Callable[[Path], Path], **changes: Any) -> Callable[[Path], Path]:
    """The same JSON with some keys changed; a value may be a function of the old one."""

    def written(folder: Path) -> Path:
        path = write(folder)
        content = json.loads(path.read_text())
        for key, value in changes.items():
            content[key] = value(content[key]) if callable(value) else value
        return write_json(path, content)

    return written


def spoil(entries: list[Any], at: int, **changes: Any) -> list[Any]:
    return [*entries[:at], entries[at] | changes, *entries[at + 1 :]]


def small_png(folder: Path) -> Path:
    write_png(folder / "00000.png", np.ones((5, 6)))
    return folder


def broken_png(folder: Path) -> Path:
    folder.mkdir()
    (folder / "00000.png").write_bytes(b"\x89PNG")
    return folder


def file(name: str, text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        folder.mkdir()
        (folder / name).write_text(text)
        return folder / name

    return write


def png_of(name: str, value: int = 1) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_png(folder / name, np.full(SIZE, value))
        return folder

    return write


WRONG = {"size": [5, 6], "counts": "n0"}


@pytest.mark.parametrize(
    ("write", "line"),
    [
        (lambda folder: folder, "expected masks of objects at .*gt, found nothing; give PNGs with"),
        (lambda folder: folder.mkdir() or folder, "holds neither PNGs nor JSON; expected PNGs with"),
        (small_png, "expected masks of 80 x 60 px in .*00000.png, got 6 x 5 px; are they of the same video"),
        (broken_png, "expected a picture in .*00000.png, cannot read it"),
        (png_of("mask.png"), "a name that ends with a frame's number in .*mask.png, got 'mask.png'"),
        (png_of("00009.png"), "00009.png is of frame 9, but the video has frames 0 to 8: count frames from 0"),
        (png_of("00000.png", 0), "expected masks of objects on the frames of the run in"),
        (png_of("one/00009.png"), "00009.png is of frame 9"),
        (lambda folder: davis(folder / "a").parent, "expected one object in .*00000.png, got the values 1, 2; folders"),
        (file("a.json", "{"), "expected JSON in .*a.json, found none"),
        (file("a.json", "[]"), 'expected the keys "masklet".*got none'),
        (file("a.json", '{"info": {}}'), 'expected the keys "masklet".*got info'),
        (change(sav_json, video_frame_count=5.0), r"every fourth of the 5 frames .*got 3"),
        (change(sav_json, masklet=lambda m: [m[0], [WRONG, None]]), r"px in .*masklet\[1\]\[0\], got 6 x 5"),
        (
            change(sav_json, masklet=[[{"size": [60, 80], "counts": "n"}, None]]),
            r"list of polygons at .*masklet\[0\]\[0\]",
        ),
        (change(sav_json, masklet=[[None] * 3]), r"each of the 2 objects at .*masklet\[0\]"),
        (change(ytvis, videos=lambda v: [v[0], v[0]]), "or one that is called 'clip', got 2 with other names"),
        (
            change(ytvis, videos=lambda v: spoil(v, 1, file_names=["clip/00000.jpg"])),
            r"each of the 1 frames.*ions\[1\]",
        ),
        (
            change(ytvis, annotations=lambda a: spoil(a, 1, segmentations=["x", None, None])),
            r"tions\[1\].seg.*\[0\]",
        ),
        (
            change(coco, annotations=lambda a: [{"image_id": 100, "segmentation": WRONG}]),
            r"instance_id at .*tions\[0\]",
        ),
        (change(coco, annotations=lambda a: spoil(a, 0, segmentation="x")), r"polygons at .*annotations\[0\].seg"),
        (change(coco, images=lambda a: spoil(a, 0, frame_id=50)), r"images\[0\] is of frame 50"),
        (
            change(coco, images=lambda a: spoil(a, 0, frame_id=None, file_name="")),
            r"expected a name that .*images\[0\]",
        ),
        (change(coco, annotations=[]), "expected masks of objects on the frames of the run"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(write, line, tmp_path, names):
    path = write(tmp_path / "gt")
    with pytest.raises(InputError, match=line) as told:
        read_truth(path, names, strict=True)
    assert "\n" not in str(told.value)


def test_polygons_are_filled_as_coco_does(tmp_path, names):
    corners = [3.2, 4.1, 30.5, 7.7, 12.0, 40.9]
    coco_file = change(cvat_coco, annotations=[{"image_id": 0, "track_id": 1, "segmentation": [corners]}])(tmp_path)
    expected = coco_mask.decode(coco_mask.frPyObjects([corners], *SIZE))[..., 0].astype(bool)
    assert np.array_equal(read_truth(coco_file, names).rles.to_masks()[0], expected)


def test_masks_without_a_size_are_of_the_input_before_the_run_shrank_it(tmp_path):
    frames = names_for(tmp_path)
    frames.source_size = (2 * SIZE[0], 2 * SIZE[1])
    corners = [(2 * np.array(polygon(SCENE[0][1]))).tolist()[0]]
    annotation = {"image_id": 0, "track_id": 1, "segmentation": corners}
    written = change(cvat_coco, annotations=[annotation], images=lambda images: images[:1])(tmp_path / "gt")
    assert np.array_equal(read_truth(written, frames).rles.to_masks()[0], SCENE[0][1])
