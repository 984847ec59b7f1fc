"""Pictures of a folder of images, or of one image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, UInt8

from overseg.errors import InputError
from overseg.video.fingerprint import fingerprint
from overseg.video.packets import refuse_absurd_size, refuse_swelling

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
NOMINAL_FPS = 30.0
_TURNING_ORIENTATIONS = (5, 6, 7, 8)  # EXIF 2.32, tag 0x0112: the ones that swap width and height
_EXIF_ORIENTATION = 0x0112


class ImageSource:
    """Images as the frames of a video, in natural order of their names (2.png before 10.png).

    The EXIF orientation is applied. Grey and palette images become RGB. 16 bits are scaled to 8 by the type's range
    (65535 becomes 255). Alpha is dropped and not blended, as SAM's and most other loaders do. Only the first page of a
    file is read. Time is unknown: `fps` is 0, and timestamps assume 30 frames per second.

    Opening reads all headers, so that a file of another kind or size is reported at once. An image that is broken
    after its header is reported when it is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = [path] if path.is_file() else image_files(path)
        self._size = _common_size(self._files)

    @property
    def name(self) -> str:
        return self._path.absolute().name

    @property
    def stems(self) -> tuple[str, ...]:
        return tuple(file.stem for file in self._files)

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return np.arange(len(self._files)) / NOMINAL_FPS

    @property
    def n_lost(self) -> int:
        return 0

    def fps(self, numbers: range) -> float:
        return 0.0

    def sha256(self) -> str:
        return fingerprint(self._files, with_names=True)

    def decoding_start(self, number: int) -> int:
        return number

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for number in numbers:
            yield _read_rgb(self._files[number])

    def close(self) -> None:
        pass


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, in the order of their frames.

    Raises:
        InputError: the folder cannot be read, or contains no images.
    """
    from natsort import natsorted, ns

    try:
        files = [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
    except OSError as e:
        raise InputError(f"cannot read the folder {folder}: {e.strerror}; check its permissions") from e
    files = [f for f in files if f.is_file()]
    if not files:
        raise InputError(
            f"the folder {folder} contains no images; expected files that end in {', '.join(IMAGE_SUFFIXES)}: give the "
            "folder that directly contains the images"
        )
    return natsorted(sorted(files), key=lambda f: (f.stem, f.suffix), alg=ns.IGNORECASE)


def _common_size(files: list[Path]) -> tuple[int, int]:
    """(height, width) in pixels of all images, from their headers."""
    first = _upright_size(files[0])
    for file in files[1:]:
        size = _upright_size(file)
        if size != first:
            raise InputError(
                f"the images of a folder must have one size, but in {file.parent} {files[0].name} has {first[1]} x "
                f"{first[0]} px and {file.name} has {size[1]} x {size[0]} px; put them into separate folders"
            )
    return first


def _upright_size(file: Path) -> tuple[int, int]:
    with _open(file) as image:
        height, width = image.height, image.width
        return (width, height) if _orientation(image) in _TURNING_ORIENTATIONS else (height, width)


def _orientation(image: "Image") -> int:
    """The EXIF orientation in the header, 1 to 8; 1 (upright) if it has none."""
    if image.format == "PNG" and "exif" not in image.info:  # else Pillow decodes all of it to read behind the pixels
        return 1
    return image.getexif().get(_EXIF_ORIENTATION, 1)


def _open(file: Path) -> "Image":
    """Open an image and read its header.

    Raises:
        InputError: it is unreadable, not an image, or absurdly large.
    """
    from PIL import Image

    try:
        image = Image.open(file)
    except PermissionError as e:
        raise InputError(f"cannot read the image {file}: {e.strerror}; check its permissions") from e
    except Image.DecompressionBombError as e:
        raise InputError(f"the image {file} is too large to be decoded; make it smaller first") from e
    except (OSError, SyntaxError, ValueError) as e:
        raise InputError(f"{file} cannot be read as an image ({_one_line(e)}); repair or remove it") from e
    refuse_absurd_size((image.height, image.width), file)
    if image.format == "PNG":
        refuse_swelling((image.height, image.width), file.stat().st_size, file)
    return image


def _read_rgb(file: Path) -> UInt8[np.ndarray, "h w 3"]:
    with _open(file) as image:
        try:
            return _upright(np.asarray(_to_8_bit_rgb(image, file)), _orientation(image))
        except (OSError, SyntaxError, ValueError, EOFError) as e:
            raise InputError(f"the image {file} is broken ({_one_line(e)}); repair or remove it") from e


def _upright(rgb: UInt8[np.ndarray, "h w 3"], orientation: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Return a picture rotated and mirrored for display (EXIF 2.32, tag 0x0112)."""
    if orientation in _TURNING_ORIENTATIONS:
        rgb = rgb.transpose(1, 0, 2)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return rgb[::rows, ::columns]


def _to_8_bit_rgb(image: "Image", file: Path) -> "Image":
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = {"I": "32-bit whole numbers", "F": "fractions"}[image.mode]
        raise InputError(f"the image {file} holds {kind}, whose range is unknown; expected 8 or 16 bits: convert it")
    return image.convert("RGB")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
