"""Files with several pictures, and images that cannot be frames: nothing is dropped without a line."""

from pathlib import Path

import numpy as np
import pytest
from numbered_clips import number_in, numbered, numbers_in
from PIL import Image

from overseg.errors import InputError
from overseg.video.open import open_video

DURATIONS_MS = [100, 40, 300, 20]


def pages(path: Path, **options: object) -> Path:
    """A file of four numbered pictures."""
    first, *others = (Image.fromarray(numbered(number)) for number in range(4))
    first.save(path, save_all=True, append_images=others, **options)
    return path


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.webp"])
def test_pages_are_frames(name: str, tmp_path: Path) -> None:
    more = {} if name == "a.tif" else {"duration": DURATIONS_MS}
    with open_video(pages(tmp_path / name, **more)) as video:
        assert numbers_in(video) == [0, 1, 2, 3]
        assert [number_in(video[at].rgb) for at in (3, 0, 2)] == [3, 0, 2]
        expected = np.arange(4) / 30 if name == "a.tif" else np.cumsum([0, *DURATIONS_MS[:3]]) / 1000
        np.testing.assert_allclose(video.timestamps_s, expected)
    with open_video(tmp_path / name, start=1, stride=2, cache_bytes=0) as some:
        assert numbers_in(some) == [1, 3]
        assert [number_in(some[at].rgb) for at in (1, 0, 1)] == [3, 1, 3]


def test_pages_of_files_in_a_folder_are_remarked(tmp_path: Path) -> None:
    pages(tmp_path / "1.tif")
    Image.fromarray(numbered(9)).save(tmp_path / "2.tif")
    video = open_video(tmp_path)
    assert numbers_in(video) == [0, 9]
    assert "1.tif" in video.remarks[0] and "only the first" in video.remarks[0]


def test_pages_of_two_sizes(tmp_path: Path) -> None:
    small = Image.fromarray(numbered(1)[:32, :32])
    Image.fromarray(numbered(0)).save(tmp_path / "a.tif", save_all=True, append_images=[small])
    with pytest.raises(InputError, match="page 1 has 32 x 32 px"):
        open_video(tmp_path / "a.tif")


def test_a_dangling_link_is_no_missing_frame(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(numbered(number)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "1.jpg").unlink()
    (tmp_path / "1.jpg").symlink_to("elsewhere.jpg")
    with pytest.raises(InputError, match=r"1\.jpg: it links to elsewhere\.jpg, and nothing is there"):
        open_video(tmp_path)


def test_two_images_for_one_frame(tmp_path: Path) -> None:
    for name in ("0.png", "1.jpg", "1.png"):
        Image.fromarray(numbered(1)).save(tmp_path / name)
    with pytest.raises(InputError, match=r"one image a frame in .*, got 1\.jpg and 1\.png"):
        open_video(tmp_path)


def test_jfif(tmp_path: Path) -> None:
    Image.fromarray(numbered(5)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.jfif")
    assert numbers_in(open_video(tmp_path)) == [5]


@pytest.mark.parametrize("is_colour", [False, True])
def test_twelve_bits_in_files_of_sixteen(is_colour: bool, tmp_path: Path) -> None:
    import cv2

    for number, brightest in enumerate((3000, 4095)):
        levels = np.array([[0, 2048, brightest]], np.uint16)
        blue_first = np.dstack([levels // 2, levels, levels]) if is_colour else levels
        cv2.imwrite(str(tmp_path / f"{number}.png"), blue_first)
    video = open_video(tmp_path)
    blue = [0, 64, 127] if is_colour else [0, 128, 255]
    assert video[1].rgb[0].tolist() == [[128 * at if at < 2 else 255] * 2 + [blue[at]] for at in range(3)]
    assert "12 bits" in video.remarks[0]


def test_levels_beyond_the_range_of_the_others(tmp_path: Path) -> None:
    for number in range(9):
        Image.fromarray(np.full((4, 4), 60000 if number == 1 else 700, np.uint16)).save(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match=r"1\.png has levels up to 60000, .* fit into 10 bits"):
        open_video(tmp_path)[1]


def test_heic_names_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"0")
    with pytest.raises(InputError, match=r"pip install 'overseg\[heic\]'|cannot be read as an image"):
        open_video(tmp_path / "a.heic")


def test_a_page_without_dimensions(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pages = [Image.fromarray(np.zeros((8, 8), np.uint8))] * 2
    pages[0].save(path, save_all=True, append_images=pages[1:])
    content = bytearray(path.read_bytes())
    width_of_second = content.rindex(b"\x00\x01\x04\x00\x01\x00\x00\x00")  # tag 256, one number
    content[width_of_second : width_of_second + 2] = b"\xe8\xfd"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"the pages of .*a.tif cannot be counted"):
        open_video(path)
