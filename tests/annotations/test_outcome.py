"""No command that was given masks ends successfully without any; what was not given is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE
from annotations.test_shapes import Remarks

from overseg.cli.main import main
from overseg.errors import InputError
from overseg.interchange.associating import associate_masks
from overseg.interchange.importing import import_masks

NOTHING = {"size": [*SIZE], "counts": [SIZE[0] * SIZE[1]]}


def black_maps(folder: Path) -> Path:
    return made.write_maps(folder, {0: 0, 1: 1}, value=0)


def empty_run_lengths(folder: Path) -> Path:
    return made.coco(folder / "a.json", [0, 1], segmentation=NOTHING)


def empty_stacks(folder: Path) -> Path:
    folder.mkdir()
    np.savez(folder / "0.npz", masks=np.zeros((2, *SIZE), bool))
    return folder


def masklets_that_are_never_seen(folder: Path) -> Path:
    sizes = {"video_height": SIZE[0], "video_width": SIZE[1]}
    return made.write_json(folder / "a.json", {**sizes, "masklet_id": [3], "masklet": [[NOTHING], [None], [{}]]})


def objects_without_masks(folder: Path) -> Path:
    video = {"id": 1, "height": SIZE[0], "width": SIZE[1], "file_names": ["clip/0.jpg"]}
    return made.write_json(folder / "a.json", {"videos": [video], "annotations": [{"id": 1, "segmentations": [None]}]})


EMPTY: dict[str, tuple[Callable[[Path], Path], str]] = {
    "davis": (black_maps, "no pixel of its 2 pictures is of an object"),
    "coco": (empty_run_lengths, "left out 2 masks without a pixel"),
    "npz": (empty_stacks, "left out 2 masks without a pixel"),
    "sav-json": (masklets_that_are_never_seen, "no pixel of its 3 pictures"),
    "youtube-vis": (objects_without_masks, "no pixel of its 1 pictures"),
}


@pytest.mark.parametrize("format", EMPTY)
def test_a_source_with_entries_and_no_pixel_is_refused(format: str, tmp_path: Path) -> None:
    write, line = EMPTY[format]
    source = write(tmp_path / "in")
    with pytest.raises(InputError, match=f"no mask could be read; .*{line}"):
        import_masks(source, tmp_path / "a.zarr", format=format)
    with pytest.raises(InputError, match=f"no mask could be read; .*{line}"):
        associate_masks(source, tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def coco_of_nothing(folder: Path) -> Path:
    path = made.coco(folder / "a.json", [0])
    return made.write_json(path, {"images": [{"id": 7, "height": SIZE[0], "width": SIZE[1]}], "annotations": []})


def stack_of_nothing(folder: Path) -> Path:
    folder.mkdir()
    np.savez(folder / "0.npz", masks=np.zeros((0, *SIZE), bool))
    return folder


@pytest.mark.parametrize(("format", "write"), [("coco", coco_of_nothing), ("npz", stack_of_nothing)])
def test_a_source_that_states_that_it_has_none_is_read_and_that_is_said(format, write, tmp_path: Path) -> None:
    """It gives no masks: an import of many videos goes on after one in which nothing was found."""
    remarks = Remarks()
    result = import_masks(write(tmp_path / "in"), tmp_path / "a.zarr", format=format, report=remarks)
    assert len(result) == 1 and len(result.tracks) == 0
    assert len(remarks.lines) == 1 and remarks.lines[0].endswith("no mask is given on its 1 pictures")


def test_a_run_without_masks_is_refused_each_time(tmp_path: Path, capsys) -> None:
    """Also when its store is complete."""
    frames, masks = made.write_frames(tmp_path / "frames", 2), made.write_maps(tmp_path / "masks", {0: 0})
    words = ["run", str(frames), str(tmp_path / "a.zarr"), "--generator", "precomputed", "--propagator", "none"]
    for _ in range(2):
        assert main([*words, "--masks", str(masks), "--min-area", "5000"]) == 1
        assert (
            "the result has no masks; all masks that were given are empty, or smaller than" in capsys.readouterr().err
        )


def test_empty_masks_among_others_are_counted(tmp_path: Path) -> None:
    masks = np.stack([made.disc(0), np.zeros(SIZE, bool)])
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "0.npz", masks=masks, track=np.array([3, 4]), score=np.array([0.5, 0.6], np.float32))
    remarks = Remarks()
    result = import_masks(tmp_path / "in", tmp_path / "a.zarr", format="npz", report=remarks)
    assert made.are_discs(result, [0]) and result.masks_at(0).score.tolist() == [0.5]
    assert remarks.lines == [f"{tmp_path / 'in'}: left out 1 mask without a pixel"]
