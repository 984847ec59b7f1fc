"""One image file: its pages, its size, and each page as an 8-bit RGB picture."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8, UInt16

from overseg.errors import InputError
from overseg.video.packets import refuse_absurd_size, refuse_swelling

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif")
_HEIC_SUFFIXES = (".heic", ".heif")
_TURNING_ORIENTATIONS = (5, 6, 7, 8)  # EXIF 2.32, tag 0x0112: the ones that swap width and height
_EXIF_ORIENTATION = 0x0112
_WITH_PAGES = ("TIFF", "PNG", "WEBP", "AVIF")  # formats whose pages are pictures of their own
_TIMED_WHEN_LOADED = ("WEBP", "AVIF")
_MOST_PAGES = 2**20
_TIFF_SUBFILE_TYPE, _TIFF_BITS = 254, 258
_IS_REDUCED = 1  # bit of the subfile type: a smaller version of another page
_PNG_BITS_AT = 24  # place of the bit depth in a PNG file
_BITS = (10, 12, 14, 16)  # that 16-bit files may hold

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError, OverflowError)


@contextmanager
def opened_image(file: Path) -> Iterator["Image"]:
    """An open image with its header read.

    Raises:
        InputError: it is missing, unreadable, not an image, or absurdly large.
    """
    from PIL import Image

    if file.suffix.lower() in _HEIC_SUFFIXES:
        _register_heic(file)
    try:
        image = Image.open(file)
    except FileNotFoundError as e:
        target = f"it links to {file.readlink()}, and nothing is there" if file.is_symlink() else "nothing is there"
        raise InputError(f"cannot read the image {file}: {target}; restore or remove it") from e
    except PermissionError as e:
        raise InputError(f"cannot read the image {file}: {e.strerror}; check its permissions") from e
    except Image.DecompressionBombError as e:
        raise InputError(f"the image {file} is too large to be decoded; make it smaller first") from e
    except _BROKEN as e:
        raise InputError(f"{file} cannot be read as an image ({_one_line(e)}); repair or remove it") from e
    with image:
        refuse_absurd_size((image.height, image.width), file)
        if image.format == "PNG":
            refuse_swelling((image.height, image.width), file.stat().st_size, file)
        yield image


def upright_size(image: "Image") -> tuple[int, int]:
    """(height, width) in pixels of the page that the image is at, as it is shown."""
    height, width = image.height, image.width
    return (width, height) if _orientation(image) in _TURNING_ORIENTATIONS else (height, width)


def n_pages_of(image: "Image", file: Path) -> int:
    """How many pictures a file holds: the pages of a TIFF, the frames of an animation, else 1.

    Raises:
        InputError: a page is broken, so that they cannot be counted.
    """
    try:
        return min(getattr(image, "n_frames", 1), _MOST_PAGES) if image.format in _WITH_PAGES else 1
    except _BROKEN as e:
        raise InputError(f"the pages of {file} cannot be counted ({_one_line(e)}); repair or remove it") from e


def pages_of(image: "Image", file: Path) -> tuple[list[int], list[float]]:
    """The pages that are frames, and for how long each is shown, in seconds; 0 where the file does not say.

    Smaller versions that a TIFF holds of a page, such as a thumbnail, are no frames.

    Raises:
        InputError: a page is broken, or has another size than the first.
    """
    pages, seconds, size = [], [], upright_size(image)
    for page in range(n_pages_of(image, file)):
        to_page(image, page, file)
        if _is_reduced(image):
            continue
        found = upright_size(image)
        if found != size:
            raise InputError(
                f"the pages of {file} must have one size, but page {page} has {found[1]} x {found[0]} px and the first "
                f"{size[1]} x {size[0]} px; put them into separate files"
            )
        pages.append(page)
        seconds.append(float(image.info.get("duration") or 0) / 1000)
    return pages, seconds


def to_page(image: "Image", page: int, file: Path) -> None:
    """Go to a page; InputError where it is broken."""
    try:
        image.seek(page)
        if image.format in _TIMED_WHEN_LOADED:
            image.load()
    except _BROKEN as e:
        raise InputError(f"the image {file} is broken at page {page} ({_one_line(e)}); repair it") from e


def bits_in(image: "Image", file: Path) -> int | None:
    """How many bits the brightest level of a 16-bit page needs: 10, 12, 14 or 16; None for a page of 8 bits."""
    levels = _levels_of_16_bits(image, file)
    if levels is None:
        return None
    return next(bits for bits in _BITS if levels.max(initial=0) < 2**bits)


def rgb_of(image: "Image", file: Path, bits: int = 16) -> UInt8[np.ndarray, "h w 3"]:
    """The page that the image is at, turned as EXIF says; alpha is dropped and not blended.

    Args:
        image: open, at the page.
        file: where it is from.
        bits: the range of 16-bit files: 2**bits - 1 becomes 255.

    Raises:
        InputError: the file is broken after its header, holds fractions, or levels beyond the range.
    """
    try:
        levels = _levels_of_16_bits(image, file)
        rgb = np.asarray(_as_rgb(image, file)) if levels is None else _in_8_bits(levels, bits, file)
        return _upright(rgb, _orientation(image))
    except _BROKEN as e:
        raise InputError(f"the image {file} is broken ({_one_line(e)}); repair or remove it") from e


def _register_heic(file: Path) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as e:
        raise InputError(
            f"reading {file} needs the package pillow-heif: install it with pip install 'overseg[heic]'"
        ) from e
    register_heif_opener()


def _is_reduced(image: "Image") -> bool:
    tags = getattr(image, "tag_v2", None)
    return bool(tags is not None and image.tell() and int(tags.get(_TIFF_SUBFILE_TYPE, 0)) & _IS_REDUCED)


def _levels_of_16_bits(image: "Image", file: Path) -> UInt16[np.ndarray, "h w c"] | None:
    """The levels of a page of 16 bits, grey or RGB; None for a page of another kind."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[..., None]
    if image.mode not in ("RGB", "RGBA") or not _has_16_bits(image, file):  # Pillow has only the upper byte of these
        return None
    return _read_colours(image, file)


def _has_16_bits(image: "Image", file: Path) -> bool:
    if image.format == "PNG":
        with file.open("rb") as header:
            return header.read(_PNG_BITS_AT + 1)[-1] == 16
    tags = getattr(image, "tag_v2", None)
    return tags is not None and 16 in np.atleast_1d(tags.get(_TIFF_BITS, 8))


def _read_colours(image: "Image", file: Path) -> UInt16[np.ndarray, "h w 3"]:
    import cv2

    _, pages = cv2.imreadmulti(str(file), image.tell(), 1, flags=cv2.IMREAD_UNCHANGED)
    if not pages or pages[0].dtype != np.uint16 or pages[0].ndim != 3:
        raise ValueError("its 16-bit colours cannot be decoded")
    return np.ascontiguousarray(pages[0][..., 2::-1])


def _in_8_bits(levels: UInt16[np.ndarray, "h w c"], bits: int, file: Path) -> UInt8[np.ndarray, "h w 3"]:
    largest = 2**bits - 1
    if levels.max(initial=0) > largest:
        raise InputError(
            f"{file} has levels up to {levels.max()}, but those of the other images fit into {bits} bits: convert all "
            "of them to 8 bits in the same way"
        )
    scaled = ((levels.astype(np.uint32) * 255 + largest // 2) // largest).astype(np.uint8)
    return np.broadcast_to(scaled, (*scaled.shape[:2], 3)) if scaled.shape[2] == 1 else scaled


def _as_rgb(image: "Image", file: Path) -> "Image":
    if image.mode in ("I", "F"):
        kind = {"I": "32-bit whole numbers", "F": "fractions"}[image.mode]
        raise InputError(f"the image {file} holds {kind}, whose range is unknown; expected 8 or 16 bits: convert it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # transparency of a palette, which is dropped
        return image.convert("RGB")


def _orientation(image: "Image") -> int:
    """The EXIF orientation in the header, 1 to 8; 1 (upright) if it has none."""
    if image.format == "PNG" and "exif" not in image.info:  # else Pillow decodes all of it to read behind the pixels
        return 1
    return image.getexif().get(_EXIF_ORIENTATION, 1)


def _upright(rgb: UInt8[np.ndarray, "h w 3"], orientation: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Return a picture rotated and mirrored for display (EXIF 2.32, tag 0x0112)."""
    if orientation in _TURNING_ORIENTATIONS:
        rgb = rgb.transpose(1, 0, 2)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return rgb[::rows, ::columns]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
