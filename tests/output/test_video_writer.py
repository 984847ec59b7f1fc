"""Videos that are written can be read again, whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_clips import SIZE, numbered, numbers_in

from overseg.errors import InputError, SettingsError
from overseg.output.video_writer import VideoWriter
from overseg.video.open import open_video

CODECS = {".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9"}


@pytest.mark.parametrize("ending", CODECS)
def test_what_is_written_can_be_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{ending}"
    with VideoWriter(path, fps=Fraction(30000, 1001), size=SIZE) as writer:
        for number in range(30):
            writer.write(numbered(number))
    video = open_video(path)
    assert numbers_in(video) == list(range(30))
    assert video.info.fps == pytest.approx(30000 / 1001)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == (CODECS[ending], "yuv420p")
    assert list(tmp_path.iterdir()) == [path]


def test_colours_come_back(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50)]
    with VideoWriter(tmp_path / "out.mp4", fps=25, size=SIZE) as writer:
        for colour in colours:
            writer.write(np.broadcast_to(np.array(colour, np.uint8), (*SIZE, 3)))
    video = open_video(tmp_path / "out.mp4")
    for number, colour in enumerate(colours):
        np.testing.assert_allclose(video[number].rgb.mean(axis=(0, 1)), colour, atol=4)


def test_odd_sides_are_padded_and_not_cropped(tmp_path: Path) -> None:
    rgb = np.zeros((33, 51, 3), np.uint8)
    rgb[:, -1] = rgb[-1] = 255
    with VideoWriter(tmp_path / "out.mp4", fps=25, size=(33, 51)) as writer:
        writer.write(rgb)
    read = open_video(tmp_path / "out.mp4")[0].rgb
    assert read.shape == (34, 52, 3)
    assert read[32:, :].mean() > 220
    assert read[:, 50:].mean() > 220
    assert read[4:28, 4:46].mean() < 20


def test_an_mp4_can_be_played_before_its_end_has_come(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", fps=25, size=SIZE) as writer:
        writer.write(numbered(0))
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_an_error_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"older")
    with pytest.raises(KeyError), VideoWriter(path, fps=25, size=SIZE) as writer:
        writer.write(numbered(0))
        raise KeyError
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_no_frame(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frame"), VideoWriter(tmp_path / "out.mp4", fps=25, size=SIZE):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_pixel(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.webm", fps=1, size=(1, 1)) as writer:
        writer.write(np.full((1, 1, 3), 255, np.uint8))
    assert open_video(tmp_path / "out.webm").info.size == (2, 2)


@pytest.mark.parametrize(
    ("name", "fps", "size", "words"),
    [
        ("out.xyz", 25, SIZE, r"must end in one of \.mp4"),
        ("out", 25, SIZE, r"must end in one of \.mp4"),
        ("out.mp4", 0, SIZE, "--fps takes a number above 0"),
        ("out.mp4", float("nan"), SIZE, "--fps takes a number above 0"),
        ("out.mp4", 25, (0, 5), "1 x 1"),
    ],
)
def test_settings_that_cannot_be(name: str, fps: float, size: tuple[int, int], words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        VideoWriter(tmp_path / name, fps=fps, size=size)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "nowhere" / "out.mp4", tmp_path / "folder.mp4", tmp_path / "file" / "out.mp4"):
        with pytest.raises(InputError, match="cannot write the video"):
            VideoWriter(path, fps=25, size=SIZE)


def test_a_picture_of_another_size(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="expected uint8"),
        VideoWriter(tmp_path / "o.mp4", fps=25, size=SIZE) as writer,
    ):
        writer.write(numbered(0, (10, 10)))


class _FullDisk:
    """A container of which nothing fits on the disk."""

    def mux(self, packet: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self.mux(None)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"out\.mp4: No space left") as raised:  # noqa: SIM117
        with VideoWriter(tmp_path / "out.mp4", fps=25, size=SIZE) as writer:
            for number in range(3):
                writer.write(numbered(number))
            writer._container.close()
            writer._container = _FullDisk()
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
import numpy as np
from overseg.output.video_writer import VideoWriter
writer = VideoWriter(sys.argv[1], fps=25, size=(48, 64))
writer.write(np.zeros((48, 64, 3), np.uint8))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_removed_and_what_another_is_at_is_not(tmp_path: Path) -> None:
    for name in ("out [1].mp4", "other.mp4"):
        assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)]).returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2
    with VideoWriter(tmp_path / "out [1].mkv", fps=25, size=SIZE) as at_work:
        at_work.write(numbered(0))
        (part,) = tmp_path.glob(f".out*.{os.getpid()}.part")
        with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "out [1].webm")]) as another:
            assert another.wait() == -signal.SIGKILL
        assert part.exists()
    with VideoWriter(tmp_path / "other.mp4", fps=25, size=SIZE) as writer:
        writer.write(numbered(0))
    with VideoWriter(tmp_path / "out [1].mkv", fps=25, size=SIZE) as writer:
        writer.write(numbered(0))
    assert sorted(os.listdir(tmp_path)) == ["other.mp4", "out [1].mkv"]
