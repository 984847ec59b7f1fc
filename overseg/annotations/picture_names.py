"""What pictures are called: names without what tools add, the numbers that they end with, and the images of a name."""

import re
from collections.abc import Sequence

from overseg.annotations.annotations import Picture

NO_FRAME = -1
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")  # Label Studio puts it before the names of uploaded files
_EXPORT_SUFFIX = re.compile(r"(?<=.)(_(jpe?g|png|bmp|webp|tiff?))?\.rf\.[0-9A-Za-z]{8,}$")  # Roboflow puts it behind


def number_at_end(stem: str) -> int | None:
    """The number that a name ends with; None where it ends with none."""
    match = re.search(r"\d{1,18}$", stem)
    return int(match[0]) if match else None


def without_prefix(stem: str) -> str:
    """A name without what uploads put before it."""
    return _UPLOAD_PREFIX.sub("", stem, count=1)


def plain_stems(stems: Sequence[str]) -> list[str]:
    """Names without what tools put before and behind those of pictures, and without an ending that all of them share.

    Example:
        >>> plain_stems(["1a2b3c4d-00003", "00007_jpg.rf.0a1b2c3d4e5f"]), plain_stems(["a_1_mask", "a_2_mask"])
        (['00003', '00007'], ['a_1', 'a_2'])
    """
    plain = [_EXPORT_SUFFIX.sub("", without_prefix(stem)) for stem in stems]
    shared = _shared_end(plain) if len(plain) > 1 else ""
    if shared[-1:].isdecimal():  # they end with numbers already
        return plain
    return [stem.removesuffix(shared.lstrip("0123456789")) for stem in plain]


def _shared_end(names: Sequence[str]) -> str:
    first, last = min(names, key=len), ""
    for n in range(1, len(first) + 1):
        if not all(name.endswith(first[-n:]) for name in names):
            break
        last = first[-n:]
    return last


def images_called(pictures: Sequence[Picture], stems: tuple[str, ...]) -> list[int]:
    """The image that each picture is called like, or `NO_FRAME`; empty where images are unknown."""
    by_stem = {stem: frame for frame, stem in enumerate(stems)}
    ends = [number_at_end(stem) for stem in plain_stems(stems)]
    by_end = {end: frame for frame, end in enumerate(ends) if end is not None}
    if len(by_end) < len(stems):
        by_end = {}  # numbers that do not identify an image
    given = [picture.stem for picture in pictures]
    return [_image(*names, by_stem, by_end) for names in zip(given, plain_stems(given), strict=True)] if stems else []


def _image(stem: str, plain: str, by_stem: dict[str, int], by_end: dict[int, int]) -> int:
    for one in (stem, plain):
        if one and one in by_stem:
            return by_stem[one]
    end = number_at_end(plain)
    return NO_FRAME if end is None else by_end.get(end, NO_FRAME)
