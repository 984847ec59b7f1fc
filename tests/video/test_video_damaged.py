"""Damaged and unusable input: frames that decode are used, lost ones are counted, and no frame replaces another."""

import os
import random
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_clips import number_in, numbered, numbers_in, packets_of, write_clip
from PIL import Image

from overseg.errors import InputError, OversegError, SettingsError
from overseg.video.open import open_video

N_FRAMES = 60


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """An mp4 that has its index at the front."""
    return write_clip(tmp_path / "clip.mp4", N_FRAMES, container_options={"movflags": "faststart"})


def _error(path: Path) -> str:
    """The one line that opening this gives."""
    with pytest.raises(InputError) as raised:
        open_video(path)
    message = str(raised.value)
    assert "\n" not in message
    assert path.name in message
    return message


def _overwrite(path: Path, number: int, content: bytes | None = None) -> None:
    """Put `content` over packet `number`; None for zeros, as where a download left a hole."""
    at, n_bytes, _ = packets_of(path)[number]
    whole = bytearray(path.read_bytes())
    whole[at : at + n_bytes] = bytes(n_bytes) if content is None else (content * n_bytes)[:n_bytes]
    path.write_bytes(whole)


def _same_in_any_order(path: Path) -> None:
    in_order = open_video(path)
    pictures = [in_order[at].rgb for at in range(len(in_order))]
    shuffled = open_video(path, cache_bytes=0)
    for at in [*reversed(range(len(pictures))), *random.Random(0).sample(range(len(pictures)), len(pictures))]:
        np.testing.assert_array_equal(shuffled[at].rgb, pictures[at])


def _cut_off_in_packet(path: Path, number: int) -> None:
    at, n_bytes, _ = packets_of(path)[number]
    path.write_bytes(path.read_bytes()[: at + n_bytes // 2])


@pytest.mark.parametrize("packet", [5, 30, 59])
def test_truncated(clip: Path, packet: int) -> None:
    _cut_off_in_packet(clip, packet)
    video = open_video(clip)
    numbers = numbers_in(video)
    assert 0 < len(video) < N_FRAMES
    assert video.info.n_lost == N_FRAMES - len(video)
    assert numbers == sorted(set(numbers))
    # A time belongs to the frame that was shown then, whatever was lost before.
    np.testing.assert_allclose(video.timestamps_s, np.array(numbers) / 25)
    _same_in_any_order(clip)


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "clip.avi", "clip.flv", "clip.webm"])
def test_truncated_in_other_containers(name: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, N_FRAMES, codec="libvpx" if name.endswith("webm") else "libx264")
    _cut_off_in_packet(path, 36)
    video = open_video(path)
    numbers = numbers_in(video)
    assert 0 < len(video) < N_FRAMES
    assert numbers == sorted(set(numbers))
    if name in ("clip.mkv", "clip.webm"):  # these say how long they were
        assert video.info.n_lost == pytest.approx(N_FRAMES - len(video), abs=3)


@pytest.mark.parametrize("content", [None, b"\x07\xa3\x5c"], ids=["hole", "overwritten"])
@pytest.mark.parametrize("number", [1, 25, 59])
def test_a_packet_destroyed(clip: Path, number: int, content: bytes | None) -> None:
    _overwrite(clip, number, content)
    video = open_video(clip)
    shown = np.round(video.timestamps_s * 25).astype(int).tolist()
    assert video.info.n_lost == N_FRAMES - len(video) > 0
    assert len(set(range(N_FRAMES)) - set(shown)) == video.info.n_lost
    _same_in_any_order(clip)


def test_a_keyframe_destroyed(clip: Path) -> None:
    keyframes = [at for at, (_, _, is_keyframe) in enumerate(packets_of(clip)) if is_keyframe]
    _overwrite(clip, keyframes[2])
    video = open_video(clip)
    assert 0 < video.info.n_lost < 30
    _same_in_any_order(clip)


def test_a_frame_that_turns_out_undecodable_is_an_error_and_never_another_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", 120, codec="mpeg4", keyframe_every=10)
    _overwrite(path, 80, b"\xff")  # nothing in the outer form of MPEG-4 part 2 shows that it is broken
    video = open_video(path)
    assert len(video) == 120
    with pytest.raises(InputError, match=r"frame 80 of .*clip\.mp4 \(at 3\.200 s\) cannot be decoded"):
        _ = video[80]
    for at in (79, 90, 119, 0):
        assert number_in(video[at].rgb) == at


def test_nothing_decodable(clip: Path) -> None:
    for number in range(N_FRAMES):
        _overwrite(clip, number)
    assert "no frame" in _error(clip)


def test_files_that_are_no_video(tmp_path: Path) -> None:
    for name, content in {"empty.mp4": b"", "text.mp4": b"no video at all\n" * 99, "zeros.mkv": bytes(9999)}.items():
        (tmp_path / name).write_bytes(content)
        assert "not a video" in _error(tmp_path / name)


def test_cut_off_before_its_index(clip: Path, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "index_at_end.mp4", N_FRAMES)
    path.write_bytes(path.read_bytes()[:2000])
    assert "index" in _error(path)


def test_missing(tmp_path: Path) -> None:
    assert "there is no file or folder" in _error(tmp_path / "nowhere.mp4")
    with pytest.raises(InputError):
        open_video("")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_unreadable(clip: Path, tmp_path: Path) -> None:
    clip.chmod(0)
    assert "ermission" in _error(clip)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    assert "ermission" in _error(locked)


def _write_sound(path: Path, cover: np.ndarray | None = None) -> Path:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("flac" if path.suffix == ".flac" else "aac", rate=8000)
        if cover is not None:
            picture = container.add_stream("mjpeg", rate=1)
            picture.height, picture.width, picture.pix_fmt = *cover.shape[:2], "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
        for start in range(0, 16000, 1024):
            sample = np.zeros((1, 1024), np.int16 if path.suffix == ".flac" else np.float32)
            frame = av.AudioFrame.from_ndarray(
                sample, format="s16" if path.suffix == ".flac" else "fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 8000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        if cover is not None:
            container.mux(picture.encode(av.VideoFrame.from_ndarray(cover, format="rgb24")))
            container.mux(picture.encode(None))
    return path


def test_sound_alone(tmp_path: Path) -> None:
    assert "no video stream (streams found: audio)" in _error(_write_sound(tmp_path / "song.m4a"))


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = _write_sound(tmp_path / "song.mp4", cover=numbered(3))
    with av.open(str(path)) as container:
        assert container.streams.video, "the test is to have a cover picture"
    assert "no video stream" in _error(path)


def test_absurd_sizes_are_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "huge.y4m"
    path.write_bytes(b"YUV4MPEG2 W15000 H15000 F25:1 Ip A0:0 C420jpeg\nFRAME\n" + bytes(1000))
    assert "15000 x 15000" in _error(path)
    path.write_bytes(b"YUV4MPEG2 W100000 H100000 F25:1 Ip A0:0 C420jpeg\nFRAME\n" + bytes(1000))
    assert "video" in _error(path)


@pytest.mark.parametrize(
    "options",
    [
        {"start": -1},
        {"start": 1.5},
        {"start": True},
        {"end": 0},
        {"start": 5, "end": 5},
        {"start": N_FRAMES},
        {"stride": 0},
        {"resize": 0},
        {"resize": "960"},
        {"cache_bytes": -1},
    ],
    ids=str,
)
def test_options_with_impossible_values(clip: Path, options: dict) -> None:
    with pytest.raises(SettingsError) as raised:
        _open_unchecked(clip, options)
    assert "\n" not in str(raised.value)
    assert next(iter(options)) in str(raised.value)


def _open_unchecked(path: Path, options: dict) -> None:
    """As a user's program calls it: the checks of types that tests add to the package are left out."""
    getattr(open_video, "__wrapped__", open_video)(path, **options)


def test_errors_are_the_packages_own() -> None:
    assert issubclass(InputError, OversegError)


def test_an_image_is_a_video_of_one_frame(tmp_path: Path) -> None:
    Image.fromarray(numbered(9)).save(tmp_path / "still.PNG")
    video = open_video(tmp_path / "still.PNG")
    assert (len(video), number_in(video[0].rgb), video.info.fps, video.info.name) == (1, 9, 0.0, "still.PNG")
