"""Data sets of YOLO as trainers and tools lay them out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, are_discs, areas, disc
from annotations.test_shapes import Remarks

from overseg.annotations.recognise import read_any, read_frames
from overseg.errors import InputError
from overseg.interchange.associating import associate_masks
from overseg.interchange.importing import import_masks
from overseg.store.result import open_result

HASHES = ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f00dfeedf00dfeedf00dfeedf00dfeed")


def line_of(frame: int) -> str:
    shares = np.array(made.circle(frame)) / SIZE[::-1]
    return "0 " + " ".join(f"{one:.6f}" for one in shares.ravel())


def write(labels: Path, images: Path | None, frames: list[int], name: Callable[[int], str] = "{:05}".format) -> None:
    labels.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        (labels / f"{name(frame)}.txt").write_text(line_of(frame) + "\n")
    if images:
        made.write_frames(images, 1) if not images.exists() else None


def roboflow(folder: Path) -> None:
    for split, frames in (("train", [0, 3]), ("valid", [7])):
        write(folder / split / "labels", folder / split / "images", frames, roboflow_name)
    (folder / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['ball']\n")
    (folder / "README.roboflow.txt").write_text("made by hand")


def roboflow_name(frame: int) -> str:
    return f"{frame:05}_jpg.rf.{HASHES[frame % 2]}"


def without_splits(folder: Path) -> None:
    write(folder / "labels", folder / "images", [0, 3, 7])
    (folder / "classes.txt").write_text("ball\n")


def darknet(folder: Path) -> None:
    write(folder / "obj_train_data", None, [0, 3, 7])
    (folder / "train.txt").write_text("obj_train_data/00000.png\n")
    (folder / "dataset.yaml").write_text("names: {0: ball}\n")


def predictions(folder: Path) -> None:
    write(folder, None, [0, 3, 7], "train_{:05}".format)
    (folder / "classes.txt").write_text("ball\n")


LAYOUTS = {one.__name__: one for one in (roboflow, without_splits, darknet, predictions)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path / "in")
    frames = made.write_frames(tmp_path / "frames", 10)
    result = import_masks(tmp_path / "in", tmp_path / "a.zarr", format="yolo-seg", video=frames)
    assert are_discs(result, [0, 3, 7])
    assert {one.category for one in result.names.values()} == {"ball"}
    associate_masks(tmp_path / "in", tmp_path / "b.zarr", video=frames)
    assert are_discs(open_result(tmp_path / "b.zarr"), [0, 3, 7])


def test_the_description_stands_for_the_data_set(tmp_path: Path) -> None:
    roboflow(tmp_path / "in")
    assert len(read_any(tmp_path / "in" / "data.yaml", None, None).pictures) == 3


def test_labels_beside_their_images(tmp_path: Path) -> None:
    """Which are no masks."""
    frames = made.write_frames(tmp_path / "in", 2)
    write(frames, None, [0])
    assert [picture.name for picture in read_frames(frames).pictures] == ["00000.txt"]
    (frames / "00000.txt").rename(frames / "about.txt")
    assert [picture.name for picture in read_frames(frames).pictures] == ["00000.png", "00001.png"]


def test_boxes_scores_and_tracks(tmp_path: Path) -> None:
    write(tmp_path / "in", None, [0])
    lines = ["0 0.5 0.5 0.2 0.5 0.25", f"{line_of(0)} 7", "0 0.5 0.5 0.2 0.5 7", "0 0.5", "0 12 15 30 15 30 40"]
    (tmp_path / "in" / "00000.txt").write_text("\n".join(lines))
    frames, remarks = made.write_frames(tmp_path / "frames", 1), Remarks()
    result = import_masks(tmp_path / "in", tmp_path / "a.zarr", format="yolo-seg", video=frames, report=remarks)
    masks = result.masks_at(0)
    assert masks.rles.area_px().tolist()[1] == 20 * 30 and masks.score.tolist() == [1.0, 0.25]
    box = np.zeros(SIZE, bool)
    box[15:45, 40:60] = True
    np.testing.assert_array_equal(masks.rles.to_masks()[1], box)
    assert areas(result)[0][0] > disc(0).sum()  # a disc and a box of track 7
    assert "left out 2 unreadable entries" in remarks.lines[0]


def test_tracks_after_scores(tmp_path: Path) -> None:
    """As trackers write them: object 1 alone looks like a point on the lower border; object 2 tells that it is none."""
    write(tmp_path / "in", None, [0, 1])
    (tmp_path / "in" / "00000.txt").write_text("0 0.5 0.5 0.2 0.5 0.25 1")
    (tmp_path / "in" / "00001.txt").write_text(f"0 0.5 0.5 0.2 0.5 0.75 1\n{line_of(0)} 0.5 2")
    frames = made.write_frames(tmp_path / "frames", 2)
    result = import_masks(tmp_path / "in", tmp_path / "a.zarr", format="yolo-seg", video=frames, report=Remarks())
    assert [result.masks_at(frame).score.tolist() for frame in range(2)] == [[0.25], [0.75, 0.5]]
    assert result.tracks.n_frames.tolist() == [2, 1]
    assert result.masks_at(0).rles.area_px().tolist() == [20 * 30]


def test_without_images_and_video_the_size_is_unknown(tmp_path: Path) -> None:
    predictions(tmp_path / "in")
    with pytest.raises(InputError, match="expected images beside the labels in .*in, which have their size"):
        import_masks(tmp_path / "in", tmp_path / "a.zarr", format="yolo-seg")
