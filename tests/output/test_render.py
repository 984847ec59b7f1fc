"""Pictures and videos of a real store over a real video."""

import av
import cv2
import numpy as np
import pytest
from output.output_samples import (
    N_FRAMES,
    TOY,
    UNVISITED,
    toy_masks,
    write_store,
    write_toy_images,
    write_toy_video,
)
from toy import NAMES

from overseg.data.filters import Filters
from overseg.errors import InputError, SettingsError
from overseg.output.colours import track_colours
from overseg.output.form import Form
from overseg.output.input_video import open_input
from overseg.output.picture_file import write_picture
from overseg.output.render import render, render_frame, render_result
from overseg.output.render_options import RenderOptions
from overseg.video.open import open_video

CODEC_NOISE = 12  # mean absolute difference of pixels that went through 4:2:0 and H.264


@pytest.fixture
def video(result):
    with open_input(result) as video:
        yield video


def read_video(path) -> tuple[np.ndarray, float]:
    """All pictures [n, h, w, 3], and frames per second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return np.array([f.to_ndarray(format="rgb24") for f in container.decode(stream)]), float(stream.average_rate)


def covered(frame: int) -> np.ndarray:
    return np.any([np.zeros(TOY.info.size, bool), *toy_masks(frame).values()], axis=0)


def on_top(frame: int) -> dict[str, np.ndarray]:
    """The pixels in which each shape is the smallest, without its outline."""
    left, shown = np.ones(TOY.info.size, bool), {}
    for name, mask in sorted(toy_masks(frame).items(), key=lambda item: item[1].sum()):
        inner = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        shown[name] = inner & left
        left &= ~cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    return shown


def test_frames_change_where_masks_are_and_nowhere_else(result, video):
    for frame in range(N_FRAMES):
        picture = render_frame(result, video, frame)
        plain = video[frame].rgb
        assert (picture.shape, picture.dtype) == ((*TOY.info.size, 3), np.uint8)
        assert np.array_equal(picture[~covered(frame)], plain[~covered(frame)])
        changed = (picture != plain).any(axis=2)[covered(frame)]
        assert frame == UNVISITED or changed.mean() > 0.99


def test_a_track_keeps_its_colour_and_small_ones_lie_on_top(result, video):
    colours = dict(zip(NAMES, track_colours(np.arange(len(NAMES))).tolist(), strict=True))
    for frame in range(N_FRAMES - 1):
        picture = render_frame(result, video, frame, render_options=RenderOptions(opacity=1))
        for name, mask in on_top(frame).items():
            assert mask.any()
            assert (picture[mask] == colours[name]).all()


def test_a_video_holds_every_frame_as_drawn(result, video, tmp_path):
    render(result, video, tmp_path / "out.mp4")
    pictures, fps = read_video(tmp_path / "out.mp4")
    assert (pictures.shape, fps) == ((N_FRAMES, *TOY.info.size, 3), 12.5)
    for frame, picture in enumerate(pictures):
        drawn = render_frame(result, video, frame)
        assert np.abs(picture.astype(int) - drawn).mean() < CODEC_NOISE
        untouched = cv2.erode((~covered(frame)).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert np.abs(picture.astype(int) - video[frame].rgb)[untouched].mean() < CODEC_NOISE
        if frame != UNVISITED:
            assert np.abs(picture.astype(int) - video[frame].rgb)[covered(frame)].mean() > 2 * CODEC_NOISE


def test_side_by_side_in_a_webm_of_another_speed(result, video, tmp_path):
    render(result, video, tmp_path / "out.webm", form=Form(fps=5), render_options=RenderOptions(side_by_side=True))
    pictures, fps = read_video(tmp_path / "out.webm")
    height, width = TOY.info.size
    assert (pictures.shape, fps) == ((N_FRAMES, height, 2 * width, 3), 5)
    both = render_frame(result, video, 3, render_options=RenderOptions(side_by_side=True))
    assert np.array_equal(both[:, :width], video[3].rgb)
    assert np.array_equal(both[:, width:], render_frame(result, video, 3))


def test_images_in_a_folder_have_no_speed_of_their_own(tmp_path):
    result = write_store(tmp_path / "toy.zarr", write_toy_images(tmp_path / "frames"))
    with open_input(result) as video:
        render(result, video, tmp_path / "out.mp4")
        assert np.array_equal(render_frame(result, video, 0)[~covered(0)], TOY[0].rgb[~covered(0)])
    assert read_video(tmp_path / "out.mp4")[1] == 30


def test_the_frames_of_the_run_are_read_again(tmp_path):
    source = write_toy_images(tmp_path / "frames")
    result = write_store(tmp_path / "toy.zarr", source, start=1, end=6, stride=2, resize=96)
    with open_input(result) as video:
        assert len(video) == len(result) == 3
        assert render_frame(result, video, 2).shape == (72, 96, 3)
        expected = cv2.resize(TOY[5].rgb, (96, 72), interpolation=cv2.INTER_AREA)
        assert np.array_equal(video[2].rgb, expected)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"sam_output": "whole"}, {"table", "tray"}),
        ({"sam_output": "subpart"}, {"handle"}),
        ({"ids": (1, 3)}, {"tray", "handle"}),
        ({"min_length": N_FRAMES - 1}, {"table", "tray", "cup", "handle"}),
        ({"sam_output": "whole", "min_length": N_FRAMES}, set()),
    ],
)
def test_only_some_tracks(result, video, options, shown):
    changed = (render_frame(result, video, 1, filters=Filters(**options)) != video[1].rgb).any(axis=2)
    expected = np.any([np.zeros_like(changed), *(mask for name, mask in toy_masks(1).items() if name in shown)], axis=0)
    assert not (changed & ~expected).any()
    assert changed.sum() >= 0.99 * expected.sum()


@pytest.mark.parametrize("frame", [-1, N_FRAMES])
def test_a_frame_that_there_is_not(result, video, frame):
    with pytest.raises(SettingsError, match=f"frames 0 to {N_FRAMES - 1}, not {frame}"):
        render_frame(result, video, frame)


def test_options_that_cannot_be(result, video, tmp_path):
    with pytest.raises(SettingsError, match="--opacity takes a number from 0 to 1, not 1.5"):
        render_frame(result, video, 0, render_options=RenderOptions(opacity=1.5))
    with pytest.raises(SettingsError, match="--sam-output is one of subpart, part, whole, not 'half'"):
        render_frame(result, video, 0, filters=Filters(sam_output="half"))
    with pytest.raises(SettingsError):
        render(result, video, tmp_path / "out.mp4", render_options=RenderOptions(opacity=float("nan")))
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_that_was_moved(tmp_path):
    result = write_store(tmp_path / "toy.zarr", write_toy_video(tmp_path / "toy.mp4"))
    (tmp_path / "toy.mp4").rename(tmp_path / "moved.mp4")
    with pytest.raises(InputError, match=r"toy\.mp4, which is missing: give its present path with --video"):
        open_input(result)
    with open_input(result, tmp_path / "moved.mp4") as video:
        assert len(video) == N_FRAMES


def test_another_video(result, tmp_path, carphone):
    with pytest.raises(InputError, match=r"carphone.* is not the video that .* \(toy\.mp4\): its content is sha256"):
        open_input(result, carphone)


def test_the_way_of_the_video_is_reported(result, video, tmp_path):
    class Steps:
        seen: list[tuple[str, int, int]] = []  # noqa: RUF012

        def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
            self.seen.append((stage, done, total))

        def event(self, name: str, **facts: str | int | float | None) -> None:
            raise AssertionError(name)

    render(result, video, tmp_path / "out.mp4", report=Steps())
    assert Steps.seen == [("render", done, N_FRAMES) for done in range(1, N_FRAMES + 1)]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".PNG"])
def test_a_picture_comes_back(tmp_path, suffix):
    write_picture(tmp_path / f"a{suffix}", TOY[0].rgb)
    assert np.array_equal(cv2.imread(str(tmp_path / f"a{suffix}"))[..., ::-1], TOY[0].rgb)
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]


def test_a_picture_that_cannot_be_written(tmp_path):
    with pytest.raises(SettingsError, match=r"must end in one of \.png"):
        write_picture(tmp_path / "a.mp4", TOY[0].rgb)
    with pytest.raises(InputError, match="cannot write the picture"):
        write_picture(tmp_path / "nowhere" / "a.png", TOY[0].rgb)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        write_picture(tmp_path / "folder.png", TOY[0].rgb)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.png"]


def test_the_video_that_the_caller_opened_is_used_and_stays_open(result, video, tmp_path, monkeypatch):
    monkeypatch.setattr("overseg.output.input_video.open_chosen", None)
    for number in range(2):
        render_result(result, tmp_path / f"{number}.mp4", video=video)
    pictures, _ = read_video(tmp_path / "1.mp4")
    assert len(pictures) == N_FRAMES


def test_another_open_video_is_refused(result, carphone, tmp_path):
    with open_video(carphone) as video, pytest.raises(InputError, match="is not the video that"):
        render_result(result, tmp_path / "out.mp4", video=video)
