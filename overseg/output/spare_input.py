"""Protects the input from being overwritten: the user may have no other copy."""

from pathlib import Path

from overseg.errors import InputError
from overseg.video.image_file import IMAGE_SUFFIXES


def spare_input(destination: str | Path, input: str | Path) -> None:
    """Refuse to write over the input, even where overwriting is allowed otherwise.

    Args:
        destination: a file to write, or a folder to fill or replace.
        input: a video file, a picture, or a folder of images; it may be missing.

    Raises:
        InputError: the destination is the input, a folder that contains it, or one of its pictures.
    """
    there, read = Path(destination).resolve(), Path(input).resolve()
    is_picture_of_it = there.parent == read and there.suffix.lower() in IMAGE_SUFFIXES
    if there == read or there in read.parents or is_picture_of_it:
        raise InputError(f"{destination} would change the input, {input}: choose another name")
