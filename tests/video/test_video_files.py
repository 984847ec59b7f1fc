"""Video files of many kinds: in every container and codec, frame n is frame n."""

from pathlib import Path

import av
import numpy as np
import pytest
from numbered_clips import FPS, SIZE, number_in, numbers_in, write_clip

from overseg.video.open import open_video

KINDS = {
    "b_frames.mp4": {},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "one_keyframe.mp4": {"keyframe_every": 1000, "options": {"x264-params": "scenecut=0"}},
    "no_keyframes.mp4": {"keyframe_every": 20, "options": {"intra-refresh": "1"}},
    "open_groups.mkv": {"options": {"x264-params": "open-gop=1:bframes=3"}},
    "transport.ts": {},
    "flash.flv": {},
    "times_of_decoding.avi": {},
    "fields.mpg": {"codec": "mpeg2video"},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "h265.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "raw.hevc": {"codec": "libx265", "container_format": "hevc", "options": {"x265-params": "log-level=none"}},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "animation.gif": {"codec": "gif", "pixels": "rgb8"},
    "grey.mkv": {"codec": "ffv1", "pixels": "gray"},
    "ten_bits.mov": {"codec": "prores_ks", "pixels": "yuv422p10le"},
    "ten_bits.mkv": {"pixels": "yuv420p10le"},
    "alpha.mov": {"codec": "prores_ks", "pixels": "yuva444p10le"},
    "odd.mkv": {"codec": "ffv1", "pixels": "yuv444p", "size": (65, 97)},
    "full_range.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_gives_the_right_frames(name: str, tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / name, 40, **KINDS[name]), cache_bytes=5 * 3 * SIZE[0] * SIZE[1])
    assert video.info.size == KINDS[name].get("size", SIZE)
    assert video.info.fps == pytest.approx(FPS)
    assert numbers_in(video) == list(range(40))
    for at in (39, 38, 20, 19, 18, 3, 30, 0):
        assert number_in(video[at].rgb) == at


def test_variable_rate_keeps_times(tmp_path: Path) -> None:
    ticks = [0, 1, 5, 6, 20, 21, 22, 50]
    video = open_video(write_clip(tmp_path / "clip.mkv", 8, ticks=ticks))
    np.testing.assert_allclose(video.timestamps_s, np.array(ticks) / FPS, atol=1e-3)
    assert video.info.fps == pytest.approx(7 / 2, rel=1e-3)
    assert numbers_in(video) == list(range(8))


def test_frames_that_an_edit_list_leaves_out_are_no_frames(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", 40, ticks=range(-5, 35)))
    assert (len(video), video.info.n_lost, video.timestamps_s[0]) == (35, 0, 0)
    assert numbers_in(video) == list(range(5, 40))
    assert [number_in(video[at].rgb) for at in (34, 2, 1, 0)] == [39, 7, 6, 5]


def test_frames_whose_keyframe_was_cut_away_are_lost(tmp_path: Path) -> None:
    write_clip(tmp_path / "whole.ts", 60)
    content = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "tail.ts").write_bytes(content[188 * (len(content) // 188 // 4) :])
    video = open_video(tmp_path / "tail.ts")
    shown = numbers_in(video)
    assert shown == list(range(shown[0], 60))
    assert video.info.n_lost > 0


def test_recordings_glued_together_are_read_by_counting(tmp_path: Path) -> None:
    write_clip(tmp_path / "one.ts", 20)
    (tmp_path / "two.ts").write_bytes((tmp_path / "one.ts").read_bytes() * 2)
    video = open_video(tmp_path / "two.ts")
    assert numbers_in(video)[:20] == list(range(20))
    assert sorted(numbers_in(video))[-2:] == [19, 19]


def _corner_is_lit(number: int, size: tuple[int, int]) -> np.ndarray:
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[: size[0] // 2, : size[1] // 2] = 255
    return rgb


@pytest.mark.parametrize(
    ("rotation", "size", "lit"),
    [
        ((0, False), (64, 96), (0, 0)),
        ((90, False), (96, 64), (1, 0)),
        ((-90, False), (96, 64), (0, 1)),
        ((180, False), (64, 96), (1, 1)),
        ((0, True), (64, 96), (0, 1)),
    ],
)
def test_turned_and_mirrored_as_the_camera_noted(
    rotation: tuple[float, bool], size: tuple[int, int], lit: tuple[int, int], tmp_path: Path
) -> None:
    path = write_clip(tmp_path / "clip.mp4", 2, rotation=rotation, picture=_corner_is_lit)
    video = open_video(path)
    quarters = video[1].rgb.reshape(2, size[0] // 2, 2, size[1] // 2, 3).mean(axis=(1, 3, 4))
    assert video.info.size == size
    assert np.unravel_index(quarters.argmax(), (2, 2)) == lit


def test_colours_are_right_whatever_the_matrix_and_range(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50)]

    def solid(number: int, size: tuple[int, int]) -> np.ndarray:
        return np.broadcast_to(np.array(colours[number], np.uint8), (*size, 3)).copy()

    for name, kind in {"a.mp4": {}, "b.avi": {"codec": "mjpeg", "pixels": "yuvj420p"}}.items():
        video = open_video(write_clip(tmp_path / name, len(colours), picture=solid, **kind))
        for number, colour in enumerate(colours):
            np.testing.assert_allclose(video[number].rgb.mean(axis=(0, 1)), colour, atol=4)


def test_a_picture_size_that_changes_is_scaled_to_the_first(tmp_path: Path) -> None:
    for name, size in {"small.h264": SIZE, "large.h264": (128, 192)}.items():
        write_clip(tmp_path / name, 5, size=size, container_format="h264")
    both = tmp_path / "both.h264"
    both.write_bytes((tmp_path / "small.h264").read_bytes() + (tmp_path / "large.h264").read_bytes())
    video = open_video(both)
    assert numbers_in(video) == [*range(5), *range(5)]
    assert video[7].size == SIZE


def test_one_frame(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", 1))
    assert (len(video), number_in(video[0].rgb), video.info.fps) == (1, 0, FPS)


def test_sound_beside_the_pictures_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(write_clip(tmp_path / "silent.mp4", 10))) as silent, av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        pictures = container.add_stream_from_template(silent.streams.video[0])
        for packet in silent.demux(video=0):
            if packet.size:
                packet.stream = pictures
                container.mux(packet)
        for start in range(0, 80000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    video = open_video(path)
    assert numbers_in(video) == list(range(10))
    assert video.info.n_lost == 0


def test_backward_through_a_long_group_decodes_it_once_per_cacheful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "clip.mp4", 100, keyframe_every=1000, options={"x264-params": "scenecut=0"})
    video = open_video(path, cache_bytes=25 * 3 * SIZE[0] * SIZE[1])
    source, decoder = video._source, video._source._decoder
    runs, converted = [], []
    begin_at, to_rgb = decoder._begin_at, source._to_rgb
    monkeypatch.setattr(decoder, "_begin_at", lambda anchor: (runs.append(anchor), begin_at(anchor)))
    monkeypatch.setattr(source, "_to_rgb", lambda frame: (converted.append(frame), to_rgb(frame))[1])
    assert [number_in(video[at].rgb) for at in reversed(range(100))] == list(reversed(range(100)))
    assert len(runs) <= 100 / 25 + 2
    assert len(converted) == 100


def test_real_clip_forward_and_back(carphone: Path) -> None:
    forward = open_video(carphone, cache_bytes=2**20)
    pictures = [forward[at].rgb for at in range(len(forward))]
    assert (len(pictures), forward.info.size) == (120, (144, 176))
    for at in reversed(range(120)):
        np.testing.assert_array_equal(forward[at].rgb, pictures[at])
