"""Parses the options --box, --point and --mask: `cup:10,20,60,80`, `cup:35,50,1` and `cup:cup.png`."""

import math
from pathlib import Path

from PIL import Image

from overseg.annotations.mask_picture import read_picture_masks
from overseg.data.track_names import check_name
from overseg.errors import InputError, SettingsError
from overseg.prompts.objects import Pointed

DEFAULT_NAME = "object"


def parse_box(text: str) -> Pointed:
    """Parse a box, `name:x1,y1,x2,y2`; the name is "object" if there is none.

    >>> parse_box("cup:10,20,60.5,80").box_xyxy
    (10.0, 20.0, 60.5, 80.0)

    Raises:
        SettingsError: the text has another form.
        InputError: the name is not allowed.
    """
    name, numbers = _split(text)
    if len(numbers) != 4:
        raise SettingsError(f"--box takes name:x1,y1,x2,y2 in pixels, not {text!r}")
    x1, y1, x2, y2 = numbers
    return Pointed(check_name(name, place=f"--box {text}"), f"--box {text}", box_xyxy=(x1, y1, x2, y2))


def parse_point(text: str) -> Pointed:
    """Parse a point, `x,y,label` or `name:x,y,label`; label 1 is on the object, 0 beside it.

    >>> parse_point("cup:35,50,0").points
    ((35.0, 50.0, 0),)

    Raises:
        SettingsError: the text has another form.
        InputError: the name is not allowed.
    """
    name, numbers = _split(text)
    if len(numbers) != 3 or numbers[2] not in (0, 1):
        raise SettingsError(
            f"--point takes x,y,label or name:x,y,label, with label 1 on the object and 0 beside it, not {text!r}"
        )
    x, y, label = numbers
    return Pointed(check_name(name, place=f"--point {text}"), f"--point {text}", points=((x, y, int(label)),))


def parse_masks(text: str, size: tuple[int, int]) -> list[Pointed]:
    """The objects in `name:FILE`, a picture that is black beside them; without a name they are "object".

    A map of several objects, as DAVIS has it, gives each its number: `name 1`, `name 2`.

    Args:
        text: the option's value.
        size: (height, width) in pixels of the input's pictures.

    Raises:
        InputError: the file is not a picture or has another size, or the name is not allowed.
    """
    name, colon, path = text.rpartition(":")
    try:
        found = read_picture_masks(Path(path), size)
    except (OSError, SyntaxError, Image.DecompressionBombError) as e:
        reason = " ".join(str(getattr(e, "strerror", None) or e).split())
        raise InputError(f"--mask {text}: expected a picture, cannot read it: {reason}") from e
    if not isinstance(found, dict):
        raise InputError(
            f"--mask {text}: expected the input's size, {size[1]} x {size[0]} px, got {found[1]} x {found[0]} px"
        )
    name, place = check_name(name if colon else DEFAULT_NAME, place=f"--mask {text}"), f"--mask {text}"
    if len(found) == 1:
        return [Pointed(name, place, mask=mask) for mask in found.values()]
    return [Pointed(f"{name} {number}", place, mask=mask, category=name) for number, mask in found.items()]


def _split(text: str) -> tuple[str, list[float]]:
    """Split into the name and the numbers after it; no numbers if one of them is not a finite number."""
    name, colon, numbers = text.rpartition(":")
    try:
        found = [float(number) for number in numbers.split(",")]
    except ValueError:
        return name, []
    return name if colon else DEFAULT_NAME, found if all(map(math.isfinite, found)) else []
