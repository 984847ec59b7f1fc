"""Colours come out as they were filmed: HDR mapped to SDR, untagged HD as BT.709, interlaced fields apart."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from overseg.video.colour import hdr_to_srgb
from overseg.video.open import open_chosen, open_video

COLOURS = np.array([(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (128, 128, 128), (240, 240, 240)])
PQ, HLG = 16, 18
_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087


def bars(size: tuple[int, int], colours: np.ndarray = COLOURS) -> np.ndarray:
    """Upright bars of these colours."""
    return np.broadcast_to(colours[np.arange(size[1]) * len(colours) // size[1]], (*size, 3)).astype(np.float64)


def centres(rgb: np.ndarray, n: int = len(COLOURS)) -> np.ndarray:
    """The colour in the middle of each bar."""
    width = rgb.shape[1]
    return rgb[rgb.shape[0] // 2, [(2 * at + 1) * width // (2 * n) for at in range(n)]].astype(int)


def as_hdr(rgb: np.ndarray, transfer: int) -> np.ndarray:
    """An sRGB picture as 16-bit HDR in BT.2020, white at 203 nits; the inverse of what is tested, by the standards."""
    signal = rgb / 255
    linear = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4) @ _TO_BT2020.T
    nits = 203 * linear
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = (nits / 10_000) ** m1
        encoded = ((c1 + c2 * power) / (1 + c3 * power)) ** m2
    else:
        luma = nits @ [0.2627, 0.6780, 0.0593] / 1000
        scene = nits / 1000 * (luma ** (1 / 1.2 - 1))[..., None]
        high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        encoded = np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)
    return np.rint(encoded * 65535).astype(np.uint16)


def write(
    path: Path, rgb: np.ndarray, *, matrix: int | None = None, transfer: int | None = None, **options: str
) -> Path:
    """A clip of two equal frames, tagged with these numbers of ITU-T H.273; None leaves a tag out."""
    is_hdr = rgb.dtype == np.uint16
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4", "preset": "ultrafast", **options})
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv444p10le" if is_hdr else "yuv444p"
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        if transfer is not None:
            stream.codec_context.color_trc, stream.codec_context.color_primaries = transfer, 9
        to = {1: "ITU709", 5: "ITU601", 9: "BT2020"}[matrix or 1]
        for _ in range(2):
            frame = VideoFrame.from_ndarray(rgb, format="rgb48le" if is_hdr else "rgb24")
            container.mux(
                stream.encode(frame.reformat(format=stream.pix_fmt, dst_colorspace=to, dst_color_range="MPEG"))
            )
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_is_mapped_to_sdr(transfer: int, tmp_path: Path) -> None:
    video = open_video(write(tmp_path / "a.mp4", as_hdr(bars((48, 96)), transfer), matrix=9, transfer=transfer))
    np.testing.assert_allclose(centres(video[1].rgb), COLOURS, atol=4)
    assert "is HDR" in video.remarks[0] and str(tmp_path / "a.mp4") in video.remarks[0]


def test_hdr_above_white_keeps_its_hue() -> None:
    red_and_white = np.array([[[100.0, 0, 0], [255, 255, 255]]])
    pixels = as_hdr(red_and_white, PQ)
    brighter = np.minimum(pixels.astype(int) + 12000, 65535).astype(np.uint16)
    red, white = hdr_to_srgb(brighter, PQ)[0].astype(int)
    assert red[0] > 200 and red[1:].max() < 120 and white.tolist() == [255, 255, 255]


@pytest.mark.parametrize(("size", "matrix"), [((720, 1280), None), ((96, 96), 1), ((96, 96), 5)])
def test_untagged_hd_is_bt709_and_tags_count(size: tuple[int, int], matrix: int | None, tmp_path: Path) -> None:
    video = open_video(write(tmp_path / "a.mp4", bars(size).astype(np.uint8), matrix=matrix))
    np.testing.assert_allclose(centres(video[1].rgb), COLOURS, atol=4)
    assert [("BT.709" in line) for line in video.remarks] == ([True] if matrix is None else [])


class Lines:
    """Remembers remarks."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        pass

    def event(self, name: str, **facts: str | int | float | None) -> None:
        self.lines.append(str(facts["line"]))


def test_interlaced_frames_are_remarked_and_can_be_taken_apart(tmp_path: Path) -> None:
    """The upper field is bright, the lower one dark."""
    rgb = np.full((64, 64, 3), 200, np.uint8)
    rgb[1::2] = 20
    path, said = write(tmp_path / "a.mp4", rgb, matrix=1, **{"x264-params": "tff=1"}), Lines()
    both = open_chosen(path, {}, said)[1].rgb
    assert len(said.lines) == 1 and "is interlaced" in said.lines[0] and "--deinterlace" in said.lines[0]
    assert abs(both.mean() - 110) < 5
    assert np.abs(open_chosen(path, {"deinterlace": True}, said)[1].rgb.astype(int) - 200).max() <= 6
    assert len(said.lines) == 1
