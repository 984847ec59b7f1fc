"""Pictures whose values are numbers of objects, and pictures of one mask."""

from pathlib import Path

import numpy as np
from jaxtyping import Int64, Integer, Shaped, UInt8
from PIL import Image, UnidentifiedImageError

from overseg.annotations.objects import LARGEST_ID
from overseg.annotations.values import check_size
from overseg.data.label_map import split
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.video.image_file import opened_image, upright_size
from overseg.video.packets import refuse_absurd_size, refuse_swelling

_BROKEN = (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError)
_COLOUR_MODES = ("RGB", "CMYK", "YCbCr")
_ALPHA_MODES = ("RGBA", "LA", "PA")
JPEG_SUFFIXES, WEBP = (".jpg", ".jpeg", ".jfif"), ".webp"
MASK_SUFFIXES = (".png", *JPEG_SUFFIXES, WEBP, ".tif", ".tiff", ".bmp")
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
_LOSSY = ("JPEG", "MPO")  # formats that blur values
_OF_PAGES = ("TIFF", "WEBP")
MIDDLE = 128  # of grey values and alpha; a lossy format's ringing stays below it around a white mask
MOST_OBJECTS = 254  # of a map of values or colours without a palette; a photograph has more
_COLOURFUL_SHARE = 0.02  # of the pixels of a JPEG; more are a photograph
_GREY_LEVELS = 48  # that the channels of a grey JPEG differ by at most
_PLACES = np.array([1, 256, 65536])
VOID = 255  # of DAVIS: pixels of which nothing is known


def read_numbers(path: Path, size: tuple[int, int], *, red_first: bool = False) -> Shaped[np.ndarray, "h w"]:
    """The number of each pixel: its grey value, its place in the palette, or red + 256 green + 65536 blue.

    A JPEG, or a WebP that is not lossless, is one mask, 255 where it is at least half of white. A cut-out with alpha,
    which has more colours than a map has objects, is one mask, 255 where it is at least half opaque. In a
    map, what is transparent is 0.

    Args:
        path: a PNG, JPEG, WebP, TIFF or BMP.
        size: (height, width) that it must have.
        red_first: the number of a colour is 65536 red + 256 green + blue, so that numbers are ordered by red first.

    Raises:
        InputError: it cannot be read, has another size or several pages, or is a photograph.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _refuse_absurd(image, path)
            check_size((image.height, image.width), size, path)
            return numbers_of(image, path, red_first=red_first)
    except _BROKEN as e:
        raise InputError(f"expected masks as a PNG in {path}, cannot read it ({_one_line(e)}); replace it") from e


def numbers_of(image: Image.Image, path: Path, *, red_first: bool = False) -> Shaped[np.ndarray, "h w"]:
    """The same, of an open picture of any kind.

    Raises:
        InputError: it is a photograph.
        OSError, SyntaxError, ValueError: it is broken.
    """
    if image.format in _OF_PAGES and getattr(image, "n_frames", 1) > 1:
        raise InputError(
            f"expected one map in {path}, got a {image.format} of several pages: write each page to a file of its own"
        )
    places = _PLACES[:: -1 if red_first else 1]
    if is_lossy(image, path):
        return _lossy_mask(image, path)
    if image.format == "WEBP" and (grey := _grey_levels(image)) is not None:
        return grey
    if image.mode in _ALPHA_MODES:
        colours = np.asarray(image.convert("RGBA"))
        numbers = np.asarray(image)[..., 0] if image.mode != "RGBA" else colours[..., :3].astype(np.int64) @ places
        return _without_transparent(numbers, colours[..., 3])
    if image.mode in _COLOUR_MODES:
        return np.asarray(image.convert("RGB")).astype(np.int64) @ places
    numbers = np.asarray(image)
    if numbers.dtype.kind == "f":  # as microscopes write them
        if not (numbers == np.round(numbers)).all():
            raise InputError(f"expected numbers of objects in {path}, got fractions: is it a picture of the video?")
        return numbers.astype(np.int64)
    return numbers


def is_lossy(image: Image.Image, path: Path) -> bool:
    """Whether a picture is compressed in a way that blurs values. `path` is its file."""
    return image.format in _LOSSY or (image.format == "WEBP" and _has_lossy_webp(path))


def _has_lossy_webp(path: Path) -> bool:
    """Whether the picture in a WebP is in a chunk `VP8 `, not `VP8L`; other chunks, such as of alpha, come before."""
    with path.open("rb") as file:
        file.seek(12)  # behind RIFF, the size and WEBP
        while len(head := file.read(8)) == 8 and not head.startswith(b"VP8L"):
            if head.startswith(b"VP8 "):
                return True
            n_bytes = int.from_bytes(head[4:], "little")
            file.seek(n_bytes + n_bytes % 2, 1)
    return False


def _grey_levels(image: Image.Image) -> UInt8[np.ndarray, "h w"] | None:
    """The grey levels of a picture in a format that has colours alone; None where it is not grey, or has alpha."""
    colours = np.asarray(image.convert("RGBA"))
    grey = colours[..., 0]
    is_grey = (colours[..., 1] == grey).all() and (colours[..., 2] == grey).all() and (colours[..., 3] == 255).all()
    return grey if is_grey else None


def _lossy_mask(image: Image.Image, path: Path) -> UInt8[np.ndarray, "h w"]:
    if image.mode in _ALPHA_MODES and ((alpha := np.asarray(image.convert("RGBA"))[..., 3]) < MIDDLE).any():
        return np.where(alpha >= MIDDLE, VOID, 0).astype(np.uint8)
    colours = np.asarray(image.convert("RGB")).astype(np.int16)
    if (np.ptp(colours, axis=2) > _GREY_LEVELS).mean() > _COLOURFUL_SHARE:
        raise InputError(
            f"expected a mask in {path}, white on black, got a {image.format} in colour: is it a picture of the video?"
        )
    return np.where(np.asarray(image.convert("L")) >= MIDDLE, VOID, 0).astype(np.uint8)


def _without_transparent(
    numbers: Integer[np.ndarray, "h w"], alpha: UInt8[np.ndarray, "h w"]
) -> Integer[np.ndarray, "h w"]:
    opaque = alpha >= MIDDLE
    if opaque.all():
        return numbers
    if len(np.unique(numbers[opaque])) > MOST_OBJECTS:
        return np.where(opaque, VOID, 0).astype(np.uint8)
    return np.where(opaque, numbers, 0)


def read_mask(path: Path, size: tuple[int, int]) -> Rles:
    """The one mask of a PNG, its pixels that are not 0.

    Raises:
        InputError: it cannot be read, or has another size.
    """
    return Rles.from_masks((read_numbers(path, size) != 0)[None])


def masks_of_numbers(
    pixels: Integer[np.ndarray, "h w"], *, nothing: tuple[int, ...] = (0,)
) -> tuple[Rles, Int64[np.ndarray, " n"]]:
    """The mask of each number in a map but those that stand for nothing, and the numbers, ascending."""
    values, place = np.unique(pixels, return_inverse=True)
    rles = split(place.reshape(pixels.shape).astype(np.int32), len(values))
    kept = np.flatnonzero(~np.isin(values, nothing) & (values <= LARGEST_ID))
    return rles.take(kept), values[kept].astype(np.int64)


def read_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture of any kind, from its header.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            _refuse_absurd(image, path)
            return image.height, image.width
    except _BROKEN as e:
        raise InputError(f"expected a picture in {path}, cannot read it ({_one_line(e)}); replace it") from e


def read_frame_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture of the video, as it is shown: turned where its EXIF says so.

    Raises:
        InputError: it cannot be read.
    """
    with opened_image(path) as image:
        return upright_size(image)


def _refuse_absurd(image: Image.Image, path: Path) -> None:
    refuse_absurd_size((image.height, image.width), path)
    if image.format == "PNG":
        refuse_swelling((image.height, image.width), path.stat().st_size, path)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
