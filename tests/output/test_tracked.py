"""What is written beside a store of tracks."""

import json

import av
import cv2
import numpy as np
import pytest
from output.output_samples import N_FRAMES, TOY, UNVISITED, write_store, write_toy_images, write_toy_video
from PIL import ImageFont

from overseg.data.masks import TrackMasks
from overseg.data.track_names import TrackName
from overseg.errors import InputError, SettingsError
from overseg.output.input_video import open_input
from overseg.output.names import draw_names, drawable
from overseg.output.tracked import TrackedOutputs, write_tracked

NOTHING = {"detections": False, "annotated_frames": False}


@pytest.fixture
def result(tmp_path):
    """A store of a folder of images."""
    return write_store(tmp_path / "toy.zarr", write_toy_images(tmp_path / "toy"))


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_per_frame_with_every_object_on_it(result, tmp_path):
    (path,) = write_tracked(result, tmp_path, TrackedOutputs(annotated_frames=False))
    assert path == tmp_path / "tracked_detections.jsonl"
    found = lines(path)
    assert [line["frame"] for line in found] == list(range(N_FRAMES))
    assert [line["file_name"] for line in found] == [f"{frame}.png" for frame in range(N_FRAMES)]
    assert found[UNVISITED]["objects"] == []
    tray = found[3]["objects"][1]
    mask = TOY.truth(3)["tray"]
    (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis=axis))[[0, -1]].tolist() for axis in (1, 0))
    assert tray["uid"] == 1
    assert tray["name"] == "1"  # nobody named it
    assert tray["points"] == [[left, top], [right + 1, top], [right + 1, bottom + 1], [left, bottom + 1]]


def test_annotated_frames_have_the_input_s_names_and_replace_older_ones(result, tmp_path):
    folder = tmp_path / "annotated_frames"
    folder.mkdir()
    (folder / "99.png").write_text("of a longer video")
    assert write_tracked(result, tmp_path, TrackedOutputs(detections=False)) == [folder]
    assert sorted(path.name for path in folder.iterdir()) == [f"{frame}.png" for frame in range(N_FRAMES)]
    drawn = cv2.imread(str(folder / "2.png"))[..., ::-1]
    changed = (drawn != TOY[2].rgb).any(axis=2)
    assert changed[TOY.truth(2)["table"]].mean() > 0.95
    assert not changed[-10:].any()
    assert (cv2.imread(str(folder / f"{UNVISITED}.png"))[..., ::-1] == TOY[UNVISITED].rgb).all()


def test_what_describes_another_store_is_not_replaced(result, tmp_path):
    other = write_store(tmp_path / "other.zarr", tmp_path / "toy")
    (path,) = write_tracked(result, tmp_path, TrackedOutputs(annotated_frames=False))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"tracked_detections.jsonl describes the store toy.zarr and is not replaced"):
        write_tracked(other, tmp_path, TrackedOutputs(annotated_frames=False))
    assert path.read_bytes() == before
    assert write_tracked(result, tmp_path, TrackedOutputs(annotated_frames=False)) == [path]


def test_a_folder_with_something_else_in_it_is_left_alone(result, tmp_path):
    folder = tmp_path / "annotated_frames"
    folder.mkdir()
    (folder / "thesis.doc").write_text("mine")
    with pytest.raises(InputError, match="thesis.doc"):
        write_tracked(result, tmp_path, TrackedOutputs())
    assert [path.name for path in folder.iterdir()] == ["thesis.doc"]


@pytest.mark.parametrize(("fps", "expected"), [(None, 10), (4, 4)])
def test_a_video_of_the_annotated_frames(result, tmp_path, fps, expected):
    outputs = TrackedOutputs(**NOTHING, tracking_video=True, fps=fps)
    assert write_tracked(result, tmp_path, outputs) == [tmp_path / "tracking_video.mp4"]
    with av.open(str(tmp_path / "tracking_video.mp4")) as container:
        assert container.streams.video[0].average_rate == expected
        assert sum(1 for _ in container.decode(video=0)) == N_FRAMES


def test_a_video_s_own_frames_per_second(tmp_path):
    result = write_store(tmp_path / "toy.zarr", write_toy_video(tmp_path / "toy.mp4"))
    write_tracked(result, tmp_path, TrackedOutputs(**NOTHING, tracking_video=True))
    with av.open(str(tmp_path / "tracking_video.mp4")) as container:
        assert container.streams.video[0].average_rate == 12.5


def test_nothing_is_written_if_everything_is_off(result, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert write_tracked(result, tmp_path, TrackedOutputs(**NOTHING)) == []
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0, "tracking_video": True}, "--fps takes a number above 0, not 0"),
        ({"fps": float("nan"), "tracking_video": True}, "--fps takes a number above 0"),
        ({"fps": 5}, "--fps has no effect without the tracking video: add --tracking-video"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        TrackedOutputs(**options)


@pytest.mark.parametrize(
    ("name", "shown"), [("cup 2", "cup 2"), ("Müßig é", "Mu?ig e 7"), ("猫", "? 7"), ("naïve Å", "naive A"), ("?", "?")]
)
def test_a_name_is_drawn_in_the_letters_that_the_font_has(name, shown):
    assert drawable(name, 7, ImageFont.load_default(12)) == shown


def test_a_name_stands_above_its_box_or_inside_the_picture(result):
    rgb = np.full((*TOY.info.size, 3), 7, np.uint8)
    masks = result.masks_at(1)
    tray: TrackMasks = masks.take(masks.track == 1)
    drawn = draw_names(rgb, tray, {1: TrackName("tray ä", "tray")})
    left, top, width, height = tray.rles.boxes_xywh()[0].astype(int).tolist()
    changed = (drawn != 7).any(axis=2)
    assert changed[top, left : left + width].all()
    assert changed[top : top + height, left + width - 1].all()
    assert not changed[top + 1 : top + height - 1, left + 1 : left + width - 1].any()
    assert changed[:top].any()
    assert not changed[top + height :].any()
    numbered = draw_names(rgb, tray, {})
    assert (numbered != 7).any(axis=2)[:top].sum() < changed[:top].sum()
    whole = np.ones((1, *TOY.info.size), bool)
    at_the_top = draw_names(rgb, type(tray)(**{**vars(tray), "rles": type(tray.rles).from_masks(whole)}), {})
    assert (at_the_top != 7).any(axis=2)[2:12, 2:].any()


def test_the_video_that_the_caller_opened_is_used(result, tmp_path, monkeypatch):
    with open_input(result) as video:
        monkeypatch.setattr("overseg.output.input_video.open_chosen", None)
        paths = write_tracked(result, tmp_path, TrackedOutputs(detections=False, tracking_video=True), video=video)
    assert [path.name for path in paths] == ["annotated_frames", "tracking_video.mp4"]
