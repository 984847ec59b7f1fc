"""Pictures of a folder of images, or of one image and its pages."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, UInt8

from overseg.errors import InputError
from overseg.video.fingerprint import fingerprint
from overseg.video.image_file import (
    IMAGE_SUFFIXES,
    bits_in,
    n_pages_of,
    opened_image,
    pages_of,
    rgb_of,
    to_page,
    upright_size,
)

if TYPE_CHECKING:
    from PIL.Image import Image

NOMINAL_FPS = 30.0
_SAMPLED_FILES = 5  # that show which range 16-bit files use
_ALL_BITS = 16


class ImageSource:
    """Images as the frames of a video, in natural order of their names (2.png before 10.png).

    The EXIF orientation is applied. Grey and palette images become RGB. 16 bits are scaled to 8 by the type's range
    (65535 becomes 255), or by that of 10, 12 or 14 bits where a few images hold no more. Alpha is dropped and not
    blended, as SAM's and most other loaders do. Only the first page of a file is read. Time is unknown: `fps` is 0, and
    timestamps assume 30 frames per second.

    Opening reads all headers, so that a file of another kind or size is reported at once. An image that is broken
    after its header is reported when it is read.
    """

    n_lost = 0
    pixel_aspect = Fraction(1)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = [path] if path.is_file() else image_files(path)
        self._size, with_pages = _common_size(self._files)
        self._bits = _bits_of([(file, 0) for file in self._files])
        self.remarks = _remarks(self._files[0], self._bits)
        if with_pages:
            file, n_pages = with_pages[0], len(with_pages)
            more = f" and {n_pages - 1} more files" if n_pages > 1 else ""
            self.remarks += (f"{file}{more}: several pages, of which only the first is a frame of the folder",)

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

    def fps(self, numbers: range) -> float:
        return 0.0

    def sha256(self) -> str:
        return fingerprint(self._files, with_names=True)

    def decoding_start(self, number: int) -> int:
        return number

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for number in numbers:
            with opened_image(self._files[number]) as image:
                yield rgb_of(image, self._files[number], self._bits)

    def close(self) -> None:
        pass


class PagesSource:
    """The pages of a TIFF, or the frames of an animated PNG, WebP or AVIF, as the frames of a video.

    Pages are read as `ImageSource` reads images. Where the file says for how long each is shown, that is their time.
    """

    n_lost = 0
    pixel_aspect = Fraction(1)
    stems: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = ExitStack()
        self._image: Image = self._open.enter_context(opened_image(path))
        self._size = upright_size(self._image)
        self._pages, self._seconds = pages_of(self._image, path)
        self._bits = _bits_of([(path, page) for page in self._pages])
        self.remarks = _remarks(path, self._bits)

    @property
    def name(self) -> str:
        return self._path.absolute().name

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        if not all(self._seconds[:-1]):
            return np.arange(len(self._pages)) / NOMINAL_FPS
        return np.concatenate([[0.0], np.cumsum(self._seconds)[:-1]])

    def fps(self, numbers: range) -> float:
        seconds = self.timestamps_s[numbers[-1]] - self.timestamps_s[numbers[0]]
        return (len(numbers) - 1) / float(seconds) if all(self._seconds[:-1]) and seconds > 0 else 0.0

    def sha256(self) -> str:
        return fingerprint([self._path], with_names=False)

    def decoding_start(self, number: int) -> int:
        return number

    def pictures(self, numbers: Sequence[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for number in numbers:
            if self._pages[number] < self._image.tell():  # Pillow misreads some animated PNGs after it went back
                self._open.close()
                self._image = self._open.enter_context(opened_image(self._path))
            to_page(self._image, self._pages[number], self._path)
            yield rgb_of(self._image, self._path, self._bits)

    def close(self) -> None:
        self._open.close()


def has_pages(path: Path) -> bool:
    """Whether a picture file holds several pictures; InputError where it cannot be read."""
    with opened_image(path) as image:
        return n_pages_of(image, path) > 1


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, in the order of their frames.

    Raises:
        InputError: the folder cannot be read, contains no images, or two of one name.
    """
    from natsort import natsorted, ns

    try:
        files = [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
    except OSError as e:
        raise InputError(f"cannot read the folder {folder}: {e.strerror}; check its permissions") from e
    files = [f for f in files if not f.is_dir()]
    if not files:
        raise InputError(
            f"the folder {folder} contains no images; expected files that end in {', '.join(IMAGE_SUFFIXES)}: give the "
            "folder that directly contains the images"
        )
    ordered = natsorted(sorted(files), key=lambda f: (f.stem, f.suffix), alg=ns.IGNORECASE)
    twice = [stem for stem, n in Counter(f.stem for f in files).items() if n > 1]
    if twice:
        one, other, *_ = (f.name for f in ordered if f.stem == twice[0])
        raise InputError(f"expected one image a frame in {folder}, got {one} and {other}: remove one of them")
    return ordered


def _common_size(files: list[Path]) -> tuple[tuple[int, int], list[Path]]:
    """(height, width) in pixels of all images, from their headers; and those that have several pages."""
    first, with_pages = None, []
    for file in files:
        with opened_image(file) as image:
            size = upright_size(image)
            if n_pages_of(image, file) > 1:
                with_pages.append(file)
        first = first or size
        if size != first:
            raise InputError(
                f"the images of a folder must have one size, but in {file.parent} {files[0].name} has {first[1]} x "
                f"{first[0]} px and {file.name} has {size[1]} x {size[0]} px; put them into separate folders"
            )
    return first or (1, 1), with_pages


def _bits_of(places: list[tuple[Path, int]]) -> int:
    """How many bits 16-bit files use, by a few of them (file and page); 16 where they are of 8 bits or broken."""
    sampled = np.unique(np.linspace(0, len(places) - 1, _SAMPLED_FILES).astype(int)).tolist()
    found = []
    for file, page in (places[at] for at in sampled):
        with opened_image(file) as image:
            try:
                to_page(image, page, file)
                bits = bits_in(image, file)
            except (InputError, OSError, SyntaxError, ValueError, EOFError):  # reported when it is read
                return _ALL_BITS
            if bits is None:
                return _ALL_BITS
            found.append(bits)
    return max(found)


def _remarks(file: Path, bits: int) -> tuple[str, ...]:
    if bits == _ALL_BITS:
        return ()
    return (f"{file} and others of 16 bits hold {bits} bits: level {2**bits - 1} is taken for white",)
