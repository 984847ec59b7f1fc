"""Renders lie exactly on their source: the same times, pixel aspect and sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from output.output_samples import write_store
from toy import ToyVideo

from overseg.cli.main import main
from overseg.errors import SettingsError
from overseg.output.form import Form
from overseg.output.input_video import open_input
from overseg.output.render import render
from overseg.output.webm import write_display_size

TOY = ToyVideo(8)
TICKS_MS = [0, 40, 80, 400, 440, 1200, 1240, 1280]
RATE_HZ = 48_000


def write_source(
    path: Path, *, ticks_ms: list[int] | None = None, aspect: str = "1:1", has_sound: bool = False
) -> Path:
    """The toy video with these times, this pixel aspect, and a tone that rises in volume with time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *TOY.info.size, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(aspect.replace(":", "/"))
        stream.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=RATE_HZ) if has_sound else None
        for number, at in enumerate(ticks_ms or range(0, 320, 40)):
            frame = VideoFrame.from_ndarray(TOY[number].rgb, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            seconds = np.arange(int(0.32 * RATE_HZ)) / RATE_HZ
            tone = (0.9 * seconds / 0.32 * np.sin(2 * np.pi * 1000 * seconds)).astype(np.float32)
            samples = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
            samples.sample_rate, samples.pts, samples.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
            container.mux(sound.encode(samples))
            container.mux(sound.encode(None))
    return path


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [round(frame.time, 3) for frame in container.decode(video=0)]


def loudness(path: Path) -> list[float]:
    """The volume of the sound in each 1/25 s."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray().mean(axis=0)) for frame in container.decode(audio=0)]
    length = round(max(time * RATE_HZ + len(samples) for time, samples in frames))
    whole = np.zeros(length)
    for time, samples in frames:
        start = max(0, round(time * RATE_HZ))
        whole[start : start + len(samples)] = samples[: length - start]
    return [float(np.abs(part).mean()) for part in np.split(whole, range(1920, length, 1920))]


@pytest.mark.parametrize("name", ["out.mp4", "out.webm"])
def test_times_and_aspect_are_those_of_the_source(name: str, tmp_path: Path) -> None:
    result = write_store(tmp_path / "a.zarr", write_source(tmp_path / "a.mkv", ticks_ms=TICKS_MS, aspect="16:11"))
    with open_input(result) as video:
        np.testing.assert_allclose(video.timestamps_s, np.array(TICKS_MS) / 1000, atol=1e-3)
        render(result, video, tmp_path / name)
        render(result, video, tmp_path / f"every_{name}", form=Form(every=2))
        render(result, video, tmp_path / f"fps_{name}", form=Form(fps=10))
    assert times_of(tmp_path / name) == [at / 1000 for at in TICKS_MS]
    assert times_of(tmp_path / f"every_{name}") == [at / 1000 for at in TICKS_MS[::2]]
    assert times_of(tmp_path / f"fps_{name}") == [at / 10 for at in range(8)]
    with av.open(str(tmp_path / name)) as container:
        rounding = 0.0 if name == "out.mp4" else 0.5 / TOY.info.width  # WebM has a whole number of pixels
        assert float(container.streams.video[0].sample_aspect_ratio) == pytest.approx(16 / 11, abs=rounding)
        shown_s = float(container.duration) / 1e6
    assert shown_s == pytest.approx(1.28 + 1.28 / 7, abs=0.02)


@pytest.mark.parametrize("name", ["out.mp4", "out.webm"])
def test_sound_is_kept_in_step(name: str, tmp_path: Path) -> None:
    """mp4 gets the packets as they are; webm, which does not hold AAC, gets Opus."""
    source = write_source(tmp_path / "a.mp4", has_sound=True, aspect="2:1")
    store = write_store(tmp_path / "a.zarr", source)
    out = tmp_path / name
    assert main(["render", str(store.path), str(out), "--audio", "--quiet"]) == 0
    with av.open(str(out)) as container:
        assert container.streams.video[0].sample_aspect_ratio == 2
    np.testing.assert_allclose(loudness(out)[2:7], loudness(source)[2:7], rtol=0.25)
    silent = tmp_path / f"silent_{name}"
    assert main(["render", str(store.path), str(silent), "--quiet"]) == 0
    with av.open(str(silent)) as container:
        assert not container.streams.audio


def test_sound_of_an_excerpt(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mp4", has_sound=True)
    result = write_store(tmp_path / "a.zarr", source)
    assert main(["render", str(result.path), str(tmp_path / "b.mkv"), "--audio", "--start", "4", "--quiet"]) == 0
    np.testing.assert_allclose(loudness(tmp_path / "b.mkv")[1:3], loudness(source)[5:7], rtol=0.25)


@pytest.mark.parametrize(
    ("form", "destination", "line"),
    [
        ({}, "pictures", "--audio has no effect on"),
        ({"fps": 5}, "a.mp4", "leave one of the two out"),
        ({"sound": "gone.mp4"}, "a.mp4", "is none: leave it out"),
        ({"sound": "silent.mp4"}, "a.mp4", "has no sound: leave out --audio"),
    ],
)
def test_what_does_not_go_with_sound(form: dict, destination: str, line: str, tmp_path: Path) -> None:
    source = write_source(tmp_path / "silent.mp4")
    result = write_store(tmp_path / "a.zarr", source)
    given = {"sound": source} | form
    given["sound"] = tmp_path / given["sound"]
    with pytest.raises(SettingsError, match=line), open_input(result) as video:
        render(result, video, tmp_path / destination, form=Form(**given))


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf\xa3\x80", bytes(100)])
def test_what_is_no_webm_gets_no_display_size(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.webm").write_bytes(content)
    with pytest.raises(ValueError, match="no room"):
        write_display_size(tmp_path / "a.webm", (24, 32))
    assert (tmp_path / "a.webm").read_bytes() == content
