"""The tests that every `Video` passes, for each kind of input."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numbered_clips import SIZE, number_in, numbered, numbers_in, write_clip
from PIL import Image

from overseg.video.buffered import BufferedVideo
from overseg.video.open import open_video

N_FRAMES = 50
FRAME_BYTES = 3 * SIZE[0] * SIZE[1]


def _file(folder: Path) -> Path:
    return write_clip(folder / "clip.mp4", N_FRAMES)


def _variable_rate_file(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    return write_clip(folder / "clip.mkv", N_FRAMES, ticks=np.cumsum(rng.integers(1, 9, N_FRAMES)).tolist())


def _file_without_times(folder: Path) -> Path:
    return write_clip(folder / "clip.h264", N_FRAMES, container_format="h264")


def _folder(folder: Path) -> Path:
    for number in range(N_FRAMES):
        Image.fromarray(numbered(number)).save(folder / f"shot {number}.png")
    return folder


@pytest.fixture(scope="module", params=[_file, _variable_rate_file, _file_without_times, _folder])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.param(tmp_path_factory.mktemp("suite"))


@pytest.fixture(params=[0, 4 * FRAME_BYTES, 2**28])
def video(request: pytest.FixtureRequest, path: Path) -> Iterator[BufferedVideo]:
    with open_video(path, cache_bytes=request.param) as video:
        yield video


class TestVideo:
    def test_has_every_frame_in_order(self, video: BufferedVideo) -> None:
        assert len(video) == N_FRAMES
        assert numbers_in(video) == list(range(N_FRAMES))

    def test_backwards(self, video: BufferedVideo) -> None:
        assert [number_in(video[at].rgb) for at in reversed(range(N_FRAMES))] == list(reversed(range(N_FRAMES)))

    def test_in_any_order(self, video: BufferedVideo) -> None:
        order = random.Random(0).choices(range(N_FRAMES), k=60)
        assert [number_in(video[at].rgb) for at in order] == order

    def test_a_frame_is_the_same_whenever_it_is_read(self, path: Path, video: BufferedVideo) -> None:
        in_order = open_video(path)
        reference = [in_order[at].rgb for at in range(N_FRAMES)]
        for at in [49, 3, 48, 47, 3, 20, 0, 12, 11, 13]:
            np.testing.assert_array_equal(video[at].rgb, reference[at])

    def test_clip_after_clip_backwards(self, video: BufferedVideo) -> None:
        for start in range(40, 0, -5):
            for at in range(start, start + 6):
                assert number_in(video[at].rgb) == at

    def test_frames_propagate_index_time_and_a_picture_that_nobody_can_change(self, video: BufferedVideo) -> None:
        frame = video[7]
        assert (frame.index, frame.timestamp_s, frame.size) == (7, video.timestamps_s[7], SIZE)
        assert frame.rgb.dtype == np.uint8
        with pytest.raises(ValueError, match="read-only"):
            frame.rgb[0, 0] = 0

    def test_times_ascend(self, video: BufferedVideo) -> None:
        assert video.timestamps_s.shape == (N_FRAMES,)
        assert (np.diff(video.timestamps_s) > 0).all()
        assert video.timestamps_s[0] == 0

    def test_info(self, path: Path, video: BufferedVideo) -> None:
        info = video.info
        assert (info.name, info.n_frames, info.size, info.n_lost) == (path.name, N_FRAMES, SIZE, 0)
        assert len(info.sha256) == 64

    def test_frames_that_are_not_there(self, video: BufferedVideo) -> None:
        for index in (-1, N_FRAMES):
            with pytest.raises(IndexError):
                video[index]

    @pytest.mark.parametrize("cache_frames", [0, 1, 4])
    def test_memory_for_frames_is_bounded(self, path: Path, cache_frames: int) -> None:
        video = open_video(path, cache_bytes=cache_frames * FRAME_BYTES + 1)
        for at in [*range(N_FRAMES), *reversed(range(N_FRAMES)), 30, 2]:
            _ = video[at]
            assert video.cached_bytes <= cache_frames * FRAME_BYTES

    def test_start_end_and_stride(self, path: Path) -> None:
        video = open_video(path, start=5, end=41, stride=7, cache_bytes=2 * FRAME_BYTES)
        expected = [5, 12, 19, 26, 33, 40]
        assert [number_in(video[at].rgb) for at in (5, 4, 3, 2, 1, 0)] == expected[::-1]
        assert numbers_in(video) == expected
        np.testing.assert_array_equal(video.timestamps_s, open_video(path).timestamps_s[expected])

    def test_end_past_the_last_frame_takes_all(self, path: Path) -> None:
        assert len(open_video(path, start=48, end=10**6)) == 2

    def test_resize_shrinks_the_longer_side_and_never_enlarges(self, path: Path) -> None:
        small = open_video(path, resize=48)
        assert small.info.size == small[0].size == (32, 48)
        assert numbers_in(small) == list(range(N_FRAMES))
        assert open_video(path, resize=1000)[0].size == SIZE
        assert open_video(path, resize=1)[0].size == (1, 1)
