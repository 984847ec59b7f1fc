"""An export is there as a whole or not at all, with its frames, and nothing lies beside it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from interchange.interchange_samples import N_FRAMES, write_images

from overseg.data.filters import Cut, Filters
from overseg.errors import InputError, SettingsError
from overseg.interchange import coco
from overseg.interchange.exporting import export
from overseg.interchange.formats import FORMATS

EVERY_FORMAT = tuple(FORMATS)


@pytest.mark.parametrize("format", EVERY_FORMAT)
def test_nothing_is_written_beside_it(result, tmp_path, format):
    export(result, tmp_path / "out", format=format, frames="copy")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


@pytest.mark.parametrize("format", EVERY_FORMAT)
@pytest.mark.parametrize("frames", ["link", "copy"])
def test_frames_are_put_where_the_format_has_them(result, tmp_path, format, frames):
    export(result, tmp_path / "out", format=format, frames=frames, filters=Filters(start=2, end=5))
    wanted = {path.read_bytes() for path in _images(result)[2:5]}
    files = [path for path in (tmp_path / "out").rglob("*.png") if path.read_bytes() in wanted]
    assert len(files) == len(wanted) == 3
    assert all(path.is_symlink() == (frames == "link") for path in files)


def _images(result) -> list[Path]:
    folder = Path(result.provenance["input"])
    return [folder / f"shot{frame + 7}.png" for frame in range(N_FRAMES)]


def test_frames_of_a_video_are_decoded(tmp_path):
    from output.output_samples import N_FRAMES as LENGTH
    from output.output_samples import TOY, write_store, write_toy_video

    result = write_store(tmp_path / "toy.zarr", write_toy_video(tmp_path / "toy.mp4"))
    export(result, tmp_path / "out", format="davis", frames="copy")
    pictures = sorted((tmp_path / "out" / "JPEGImages" / "toy").iterdir())
    assert [path.name for path in pictures] == [f"{frame:05}.jpg" for frame in range(LENGTH)]
    for frame, path in enumerate(pictures):
        assert np.abs(cv2.imread(str(path))[..., ::-1].astype(int) - TOY[frame].rgb).mean() < 8
    with pytest.raises(SettingsError, match="--frames link"):
        export(result, tmp_path / "linked", format="davis", frames="link")
    os.remove(tmp_path / "toy.mp4")
    with pytest.raises(InputError, match="--video"):
        export(result, tmp_path / "gone", format="davis", frames="copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "toy.zarr"]


def test_frames_of_images_that_lie_elsewhere(result, tmp_path):
    images = write_images(tmp_path / "moved")
    export(result, tmp_path / "out", format="labelme", video=images)
    assert os.readlink(tmp_path / "out" / "shot7.png") == str(images / "shot7.png")


def test_images_that_differ_in_their_endings_alone(result, tmp_path):
    """Their files would be one."""
    images = write_images(tmp_path / "images")
    (images / "shot8.png").rename(images / "shot7.webp")
    with pytest.raises(InputError, match=r"one image a frame in .*, got shot7"):
        export(result, tmp_path / "out", format="labelme", frames="none", video=images)


def test_a_failure_leaves_nothing(result, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(coco, "_annotations_of", fail)
    with pytest.raises(InputError, match=r"cannot write .*out.json: No space left"):
        export(result, tmp_path / "out.json", format="coco")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_older_export(result, tmp_path, monkeypatch):
    export(result, tmp_path / "out", format="coco")
    before = (tmp_path / "out" / "annotations.json").read_bytes()
    monkeypatch.setattr(coco, "_annotations_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(result, tmp_path / "out", format="coco", overwrite=True)
    assert (tmp_path / "out" / "annotations.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_killed_export_has_no_name(result, tmp_path):
    """Killed while it writes its sixth frame."""
    program = """
import os, signal, sys
from overseg.interchange import sav_png
from overseg.interchange.exporting import export
from overseg.store.result import open_result
png, n = sav_png._png, [0]
def kill(*arguments):
    n[0] += 1
    if n[0] == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return png(*arguments)
sav_png._png = kill
export(open_result(sys.argv[1]), sys.argv[2], format="sav-png")
"""
    command = [sys.executable, "-c", program, str(result.path), str(tmp_path / "out")]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".overseg-tmp-")
    export(result, tmp_path / "out", format="sav-png")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_else_lies_there_is_not_replaced(result, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    (tmp_path / "file.json").write_text("{}")
    for name, overwrite, line in (
        ("home", False, "exists already"),
        ("home", True, "holds letter.txt"),
        ("file.json", False, "exists already"),
    ):
        with pytest.raises(InputError, match=line):
            export(result, tmp_path / name, format="coco", overwrite=overwrite)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        export(result, tmp_path / "folder.json", format="coco", overwrite=True)
    with pytest.raises(InputError, match="cannot write"):
        export(result, tmp_path / "no" / "out", format="coco")
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.json", "folder.json", "home"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"format": "gif"}, "--format is one of coco"),
        ({"format": "coco", "flat": Cut(depth=0)}, "coco holds all masks"),
        ({"format": "coco", "frames": "move"}, "--frames is one of"),
        ({"format": "davis", "flat": Cut(depth=0, n_tracks=3)}, "give one of the two"),
    ],
)
def test_options_that_do_not_fit(result, tmp_path, options, line):
    with pytest.raises(SettingsError, match=line):
        export(result, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_names_of_files_that_do_not_fit(result, tmp_path):
    for name, format in (("out.json", "davis"), ("out.txt", "coco")):
        with pytest.raises(SettingsError, match="but a folder"):
            export(result, tmp_path / name, format=format)
    with pytest.raises(SettingsError, match="no place for frames"):
        export(result, tmp_path / "out.json", format="coco", frames="link")


def test_more_objects_than_a_format_can_hold(result, tmp_path, monkeypatch):
    """As many as fit are taken by themselves; a level that has more is refused."""
    from dataclasses import replace

    few = {**FORMATS, "davis": replace(FORMATS["davis"], max_objects=2)}
    monkeypatch.setattr("overseg.interchange.formats.FORMATS", few)
    assert export(result, tmp_path / "out", format="davis").n_objects == 2
    with pytest.raises(SettingsError, match="--flatten tracks=2"):
        export(result, tmp_path / "level", format="davis", flat=Cut(depth=9))


def test_small_numbers_for_large_ones(result, tmp_path):
    """Where a number does not fit a byte, objects are numbered by their order, and a table says which is which."""
    n = len(result.tracks)
    rows = [f"{track},{1000 + 7 * track}" for track in range(n)]
    (tmp_path / "labels.csv").write_text("\n".join(["track,id", *rows]))
    export(result, tmp_path / "out", format="davis", labels=tmp_path / "labels.csv")
    table = (tmp_path / "out" / "tracks.csv").read_text().splitlines()
    assert table == ["number,track", *(f"{track + 1},{1000 + 7 * track}" for track in range(n))]
