"""Mattes of a store that was rendered in each style: as pictures, as video, together and one by one."""

import json

import av
import cv2
import numpy as np
import pytest
from output.output_samples import N_FRAMES, TOY, UNVISITED, toy_masks, write_panned, write_store, write_toy_video
from toy import NAMES

from overseg.cli.main import main
from overseg.data.track_names import TrackName
from overseg.output.form import Form
from overseg.output.input_video import open_input
from overseg.output.render import render, render_frame
from overseg.output.render_options import RenderOptions
from overseg.output.styles import STYLES


@pytest.fixture
def video(result):
    with open_input(result) as video:
        yield video


def covered(frame: int, *names: str) -> np.ndarray:
    """The pixels of these shapes, or of all."""
    masks = toy_masks(frame)
    return np.any([np.zeros(TOY.info.size, bool), *(masks[name] for name in names or masks if name in masks)], axis=0)


def decoded(path, *, codec: str | None = None) -> np.ndarray:
    """All pictures of a video [n, h, w, 4], with the alpha that was decoded.

    FFmpeg's own decoder of VP9 leaves alpha out, and its conversion from yuva420p to rgba, unlike what it decodes, is
    wrong in the last columns; so alpha is read from its plane.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(codec or stream.codec_context.name, "r")
        context.extradata = stream.codec_context.extradata
        packets = [packet for packet in container.demux(stream) if packet.size]
        frames = [frame for packet in [*packets, None] for frame in context.decode(packet)]
    return np.array([np.dstack([frame.to_ndarray(format="rgb24"), alpha_plane(frame)]) for frame in frames])


def alpha_plane(frame: av.VideoFrame) -> np.ndarray:
    """uint8 [h, w], of 8 or more bits."""
    plane, bits = frame.planes[3], frame.format.components[3].bits
    lines = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16).reshape(plane.height, -1)
    return (lines[:, : plane.width] >> (bits - 8)).astype(np.uint8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / max(1, (one | other).sum())


def test_binary_is_white_on_masks_and_black_elsewhere(result, video):
    for frame in range(N_FRAMES):
        picture = render_frame(result, video, frame, render_options=RenderOptions(style="binary"))
        assert picture.shape == (*TOY.info.size, 1)
        assert np.array_equal(picture[..., 0], 255 * covered(frame).astype(np.uint8))


def test_greenscreen_keeps_the_picture_on_masks_alone(result, video):
    for frame in (3, UNVISITED):
        picture = render_frame(result, video, frame, render_options=RenderOptions(style="greenscreen"))
        assert np.array_equal(picture[covered(frame)], video[frame].rgb[covered(frame)])
        assert (picture[~covered(frame)] == (0, 255, 0)).all()


def test_highlighted_is_the_overlay_on_masks_and_darker_elsewhere(result, video):
    picture = render_frame(result, video, 3, render_options=RenderOptions(style="highlighted"))
    overlay = render_frame(result, video, 3)
    assert np.array_equal(picture[covered(3)], overlay[covered(3)])
    assert np.abs(picture[~covered(3)] - 0.35 * video[3].rgb[~covered(3)]).max() <= 0.5


def test_alpha_is_the_picture_and_its_matte(result, video):
    picture = render_frame(result, video, 3, render_options=RenderOptions(style="alpha"))
    assert np.array_equal(picture[..., :3], video[3].rgb)
    assert np.array_equal(picture[..., 3] == 255, covered(3))
    assert set(np.unique(picture[..., 3])) == {0, 255}


@pytest.mark.parametrize("style", STYLES)
def test_side_by_side_in_every_style(style, result, video):
    width = TOY.info.width
    both = render_frame(result, video, 3, render_options=RenderOptions(style=style, side_by_side=True))
    alone = render_frame(result, video, 3, render_options=RenderOptions(style=style))
    assert both.shape[1] == 2 * width and both.shape[2] == RenderOptions(style=style, side_by_side=True).channels
    assert np.array_equal(both[:, :width, :3], video[3].rgb)
    assert (both[:, width:] == alone).all()
    assert both.shape[2] < 4 or (both[:, :width, 3] == 255).all()


@pytest.mark.parametrize(("ending", "codec"), [(".webm", "vp9"), (".mov", "prores")])
def test_alpha_comes_back_from_a_video(ending, codec, tmp_path):
    """Of masks with ragged edges, and of thin lines: what codecs lose first."""
    result, masks = write_panned(tmp_path)
    out = tmp_path / f"out{ending}"
    assert main(["render", str(result.path), str(out), "--style", "alpha", "--quiet"]) == 0
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == codec
    pictures = decoded(out, codec="libvpx-vp9" if codec == "vp9" else None)
    height, width = result.size
    assert pictures.shape == (len(result), height + 1, width + 1, 4)  # sides are even there
    with open_input(result) as video:
        for frame, picture in enumerate(pictures[:, :height, :width]):
            assert iou(picture[..., 3] >= 128, masks[frame].any(axis=0)) >= 0.99
            assert np.abs(picture[..., :3].astype(int) - video[frame].rgb).mean() < 12


@pytest.mark.parametrize("ending", ["webm", "mov"])
def test_a_matte_per_track_as_video(ending, tmp_path):
    result, masks = write_panned(tmp_path)
    out = tmp_path / "mattes"
    words = ["--style", "alpha", "--per-track", "--format", ending, "--every", "2"]
    assert main(["render", str(result.path), str(out), *words, "--quiet"]) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"track_00000.{ending}", f"track_00001.{ending}"]
    height, width = result.size
    for track in (0, 1):
        path = out / f"track_{track:05}.{ending}"
        with av.open(str(path)) as container:
            assert container.streams.video[0].average_rate == 15  # half of a folder's 30
        pictures = decoded(path, codec="libvpx-vp9" if ending == "webm" else None)
        assert len(pictures) == 3
        for frame, picture in zip((0, 2, 4), pictures, strict=True):
            assert iou(picture[:height, :width, 3] >= 128, masks[frame, track]) >= 0.99


def test_more_tracks_than_are_written_at_once(result, tmp_path, monkeypatch):
    monkeypatch.setattr("overseg.output.render._TARGETS_AT_ONCE", 2)
    words = ["--style", "binary", "--per-track", "--track", "0", "--track", "2", "--track", "4"]
    assert main(["render", str(result.path), str(tmp_path / "mattes"), *words, "--quiet"]) == 0
    assert sorted(path.name for path in (tmp_path / "mattes").iterdir()) == [
        "track_00000",
        "track_00002",
        "track_00004",
    ]
    for track in (0, 2, 4):
        folder = tmp_path / "mattes" / f"track_{track:05}"
        for frame in range(N_FRAMES):
            matte = cv2.imread(str(folder / f"frame_{frame:05d}.png"), cv2.IMREAD_UNCHANGED)
            assert np.array_equal(matte > 0, covered(frame, NAMES[track]))


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_pictures_of_every_second_frame(format, result, tmp_path):
    out = tmp_path / "mattes"
    words = ["--style", "binary", "--format", format, "--every", "2", "--start", "1", "--end", "6"]
    for _ in range(2):  # the second time it is replaced
        assert main(["render", str(result.path), str(out), *words, "--quiet"]) == 0
        assert sorted(path.name for path in out.iterdir()) == [f"frame_0000{frame}.{format}" for frame in (1, 3, 5)]
    for frame in (1, 3, 5):
        picture = cv2.imread(str(out / f"frame_0000{frame}.{format}"), cv2.IMREAD_GRAYSCALE)
        assert iou(picture >= 128, covered(frame)) >= 0.99


def test_quality_makes_files_smaller(result, tmp_path):
    sizes = []
    for quality in (20, 80, 100):
        render(result, open_input(result), tmp_path / str(quality), form=Form(format="jpg", quality=quality))
        sizes.append(sum(path.stat().st_size for path in (tmp_path / str(quality)).iterdir()))
    assert sizes == sorted(sizes) and len(set(sizes)) == 3


def test_alpha_comes_back_from_pictures(result, tmp_path):
    assert main(["render", str(result.path), str(tmp_path / "out"), "--style", "alpha", "--quiet"]) == 0
    for frame in range(N_FRAMES):
        picture = cv2.imread(str(tmp_path / "out" / f"frame_{frame:05d}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(picture[..., 3], 255 * covered(frame).astype(np.uint8))


def test_only_chosen_tracks(result, tmp_path):
    words = ["--frame", "1", "--style", "binary", "--track", "1", "--track", "4"]
    assert main(["render", str(result.path), str(tmp_path / "out.png"), *words, "--quiet"]) == 0
    matte = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(matte > 0, covered(1, "tray", "ball"))


def test_tracks_by_name(tmp_path, capsys):
    names = {1: TrackName("tray", "dish"), 2: TrackName("cup", "dish"), 4: TrackName("0", "toy")}
    store = str(write_store(tmp_path / "toy.zarr", write_toy_video(tmp_path / "toy.mp4"), names=names).path)
    for word, shown in (("tray", ["tray"]), ("dish", ["tray", "cup"]), ("0", ["ball"]), ("3", ["handle"])):
        out = tmp_path / "out.png"
        assert main(["render", store, str(out), "--frame", "1", "--style", "binary", "--track", word, "--quiet"]) == 0
        assert np.array_equal(cv2.imread(str(out), cv2.IMREAD_UNCHANGED) > 0, covered(1, *shown))
    assert main(["export", store, str(tmp_path / "out.json"), "--format", "coco", "--track", "cup", "--quiet"]) == 0
    assert len(json.loads((tmp_path / "out.json").read_text())["tracks"]) == 1
    assert main(["render", store, str(tmp_path / "none.png"), "--frame", "1", "--track", "jar"]) == 2
    assert (
        "--track takes the number or the name of a track, not 'jar'; names here: tray, cup, 0"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["out.mp4", "--style", "alpha"], "cannot write a video with alpha to frames.mp4: its name must end in one of"),
        (["out", "--style", "alpha", "--format", "jpg"], ".jpg holds no alpha: take one of .png"),
        (["out.png", "--frame", "1", "--track", "9"], "--track 9 is not there: the tracks are 0 to 4"),
        (
            ["out", "--style", "sepia"],
            "--style is one of overlay, highlighted, binary, greenscreen, alpha, not 'sepia'",
        ),
        (["out.webm", "--style", "alpha", "--opacity", "1"], "--opacity has no effect with --style alpha"),
        (
            ["out.webm", "--per-track"],
            "--per-track fills a folder: give a name without an ending, and",
        ),
        (["out.webm", "--format", "png"], "out.webm contradicts --format png: leave it out, or name a folder"),
        (["out", "--format", "webm"], "--format webm writes one file: name it out.webm"),
        (["out", "--format", "gif"], "--format is one of png,"),
        (["out", "--fps", "5"], "--fps has no effect on out, a folder of pictures"),
        (["out", "--every", "0"], "--every takes a whole number of at least 1, not 0"),
        (["out", "--quality", "0"], "--quality takes a whole number from 1 to 100, not 0"),
        (["out.png", "--frame", "1", "--every", "2"], "--frame writes one picture, which has no --every"),
        (
            ["out", "--per-track", "--min-length", "99"],
            "--per-track writes one file per track, and the filters leave no track",
        ),
        (["out", "--start", "90"], "--start 90 and --end None leave none of the frames 0 to 7"),
    ],
)
def test_options_that_contradict_each_other(words, line, result, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(result.path), *words]) == 2
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_else_in_it_is_not_replaced(result, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert main(["render", str(result.path), str(tmp_path / "out"), "--style", "binary"]) == 1
    assert "holds notes.txt, which the new one does not have, and is not replaced" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]
    assert len(list(tmp_path.iterdir())) == 1
