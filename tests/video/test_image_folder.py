"""Folders of images of every kind."""

from pathlib import Path

import numpy as np
import pytest
from numbered_clips import numbered, numbers_in
from PIL import Image
from pillow_heif import register_heif_opener

from overseg.errors import InputError
from overseg.video.open import open_video

SIZE = (40, 60)


def _picture() -> np.ndarray:
    """Smooth in all three colours, so that lossy formats keep it."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([y * 6, x * 4, 255 - x * 4], axis=2).astype(np.uint8)


def _read(path: Path) -> np.ndarray:
    return open_video(path)[0].rgb


def test_natural_order_of_any_names(tmp_path: Path) -> None:
    names = ["10.png", "9.png", "frame 2.png", "frame 10.png", "1.PNG", "b.JPG", "Übung.webp", "frame 2b.bmp", "z.jpeg"]
    ordered = [
        "1.PNG",
        "9.png",
        "10.png",
        "b.JPG",
        "frame 2.png",
        "frame 2b.bmp",
        "frame 10.png",
        "Übung.webp",
        "z.jpeg",
    ]
    for name in names:
        Image.fromarray(numbered(ordered.index(name))).save(tmp_path / name, quality=95)
    assert numbers_in(open_video(tmp_path)) == list(range(len(names)))


def test_other_files_are_skipped(tmp_path: Path) -> None:
    Image.fromarray(numbered(1)).save(tmp_path / "1.png")
    Image.fromarray(numbered(2)).save(tmp_path / ".2.png")
    (tmp_path / "._1.png").write_bytes(b"not an image")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    (tmp_path / "3.png").mkdir()
    assert numbers_in(open_video(tmp_path)) == [1]


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.png", "a.webp", "a.tif", "a.tiff", "a.bmp"])
def test_formats(name: str, tmp_path: Path) -> None:
    Image.fromarray(_picture()).save(tmp_path / name, quality=95)
    np.testing.assert_allclose(_read(tmp_path).astype(int), _picture(), atol=0 if name[2] in "ptb" else 12)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK"])
def test_modes(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(_picture()).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    np.testing.assert_array_equal(_read(tmp_path), np.asarray(image.convert("RGB")))


def test_alpha_is_dropped_and_not_blended(tmp_path: Path) -> None:
    alpha = np.tile(np.linspace(0, 255, SIZE[1]).astype(np.uint8), (SIZE[0], 1))
    Image.fromarray(np.dstack([_picture(), alpha])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(_read(tmp_path), _picture())


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled_by_the_range_of_the_type(name: str, tmp_path: Path) -> None:
    levels = np.array([[0, 128, 129, 32768, 65535, 257]], np.uint16)
    Image.fromarray(levels).save(tmp_path / name)
    np.testing.assert_array_equal(_read(tmp_path), np.dstack([[[0, 0, 1, 128, 255, 1]]] * 3))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_rotated_by_the_exif_orientation(orientation: int, tmp_path: Path) -> None:
    image = Image.fromarray(_picture())
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {
        1: image,
        2: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: image.transpose(Image.Transpose.ROTATE_180),
        4: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: image.transpose(Image.Transpose.TRANSPOSE),
        6: image.transpose(Image.Transpose.ROTATE_90),
        7: image.transpose(Image.Transpose.TRANSVERSE),
        8: image.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    stored.save(tmp_path / "a.png", exif=exif)
    video = open_video(tmp_path)
    assert video.info.size == SIZE
    np.testing.assert_array_equal(video[0].rgb, _picture())


def test_one_pixel(tmp_path: Path) -> None:
    Image.new("L", (1, 1), 77).save(tmp_path / "a.png")
    assert _read(tmp_path).tolist() == [[[77, 77, 77]]]


def test_no_time_is_known(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(numbered(number)).save(tmp_path / f"{number}.png")
    video = open_video(tmp_path, start=1)
    assert video.info.fps == 0
    np.testing.assert_allclose(video.timestamps_s, [1 / 30, 2 / 30])


def test_content_names_and_order_make_the_hash(tmp_path: Path) -> None:
    hashes = set()
    for names in (["1.png", "2.png"], ["1.png", "3.png"], ["2.png", "1.png"], ["1.png"]):
        folder = tmp_path / str(len(hashes))
        folder.mkdir()
        for number, name in enumerate(names):
            Image.fromarray(numbered(number)).save(folder / name)
        hashes.add(open_video(folder).info.sha256)
    assert len(hashes) == 4


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(InputError, match=r"contains no images; expected files that end in \.jpg"):
        open_video(tmp_path)


def test_images_of_different_sizes(tmp_path: Path) -> None:
    for number, size in enumerate([(40, 60), (40, 60), (60, 40), (10, 10)]):
        Image.fromarray(numbered(number, size)).save(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match=r"0\.png has 60 x 40 px and 2\.png has 40 x 60 px") as raised:
        open_video(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_an_image_with_a_broken_header_is_found_at_opening(content: bytes, tmp_path: Path) -> None:
    Image.fromarray(numbered(0)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(content)
    with pytest.raises(InputError, match=r"1\.png cannot be read as an image") as raised:
        open_video(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["1.png", "1.jpg", "1.webp", "1.tif", "1.bmp"])
def test_an_image_that_is_cut_off_is_found_when_it_is_read(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (*SIZE, 3), np.uint8)).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match=rf"{name} (is broken|cannot be read as an image)") as raised:
        _read(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_images_of_unknown_range_are_refused(dtype: type, tmp_path: Path) -> None:
    Image.fromarray(np.ones(SIZE, dtype)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif holds .*expected 8 or 16 bits"):
        _read(tmp_path)


def test_absurd_sizes_are_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    for width in (15_000, 100_000):
        bitmap = bytearray(54)
        bitmap[:2], bitmap[10], bitmap[14], bitmap[26], bitmap[28] = b"BM", 54, 40, 1, 24
        bitmap[18:22] = bitmap[22:26] = width.to_bytes(4, "little")
        (tmp_path / "a.bmp").write_bytes(bitmap)
        with pytest.raises(InputError, match=r"a\.bmp"):
            open_video(tmp_path)


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_read_and_turned_once(orientation: int, tmp_path: Path) -> None:
    register_heif_opener()
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[24:, 32:] = (200, 30, 30), (30, 30, 200)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "0.heic", quality=95, exif=exif.tobytes())
    expected = pixels if orientation == 1 else np.rot90(pixels, -1)
    rgb = open_video(tmp_path)[0].rgb
    assert rgb.shape == expected.shape and np.abs(rgb.astype(int) - expected).mean() < 4
