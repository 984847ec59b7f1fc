"""Writing never takes the place of the pictures that are read: the user may have no others."""

from pathlib import Path

from overseg.errors import InputError
from overseg.video.image_source import IMAGE_SUFFIXES


def spare_input(destination: str | Path, input: str | Path) -> None:
    """Refuse to write where the input lies, whether anything else would allow that or not.

    Args:
        destination: a file to write, or a folder to fill or replace.
        input: a video file, a picture, or a folder of images; it need not be there.

    Raises:
        InputError: the destination is the input, a folder that holds it, or would be one of its pictures.
    """
    there, read = Path(destination).resolve(), Path(input).resolve()
    is_picture_of_it = there.parent == read and there.suffix.lower() in IMAGE_SUFFIXES
    if there == read or there in read.parents or is_picture_of_it:
        raise InputError(f"{destination} would change the input, {input}: choose another name")
