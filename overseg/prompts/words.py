"""Parses the options --box, --point and --mask: `cup:10,20,60,80`, `cup:35,50,1` and `cup:cup.png`.

`@N` after the name says on which frame: `cup@40:10,20,60,80`.
"""

import math
import re
from pathlib import Path

from PIL import Image

from overseg.annotations.mask_picture import read_picture_masks
from overseg.data.track_names import check_name
from overseg.errors import InputError, SettingsError
from overseg.prompts.objects import Pointed

DEFAULT_NAME = "object"
_NAME_AND_FRAME = re.compile(r"(?P<name>.*)@(?P<frame>\d{1,9})", re.DOTALL)


def parse_box(text: str) -> Pointed:
    """Parse a box, `name:x1,y1,x2,y2`; the name is "object" if there is none.

    >>> parse_box("cup:10,20,60.5,80").box_xyxy
    (10.0, 20.0, 60.5, 80.0)

    Raises:
        SettingsError: the text has another form.
        InputError: the name is not allowed.
    """
    name, frame, numbers = _split(text)
    if len(numbers) != 4:
        raise SettingsError(f"--box takes name:x1,y1,x2,y2 in pixels, not {text!r}")
    x1, y1, x2, y2 = numbers
    return Pointed(check_name(name, place=f"--box {text}"), f"--box {text}", box_xyxy=(x1, y1, x2, y2), frame=frame)


def parse_point(text: str) -> Pointed:
    """Parse a point, `x,y,label` or `name:x,y,label`; label 1 is on the object, 0 beside it.

    >>> parse_point("cup:35,50,0").points
    ((35.0, 50.0, 0),)

    Raises:
        SettingsError: the text has another form.
        InputError: the name is not allowed.
    """
    name, frame, numbers = _split(text)
    if len(numbers) != 3 or numbers[2] not in (0, 1):
        raise SettingsError(
            f"--point takes x,y,label or name:x,y,label, with label 1 on the object and 0 beside it, not {text!r}"
        )
    x, y, label = numbers
    place = f"--point {text}"
    return Pointed(check_name(name, place=place), place, points=((x, y, int(label)),), frame=frame)


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
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        reason = " ".join(str(getattr(e, "strerror", None) or e).split())
        raise InputError(f"--mask {text}: expected a picture, cannot read it: {reason}") from e
    if not isinstance(found, dict):
        raise InputError(
            f"--mask {text}: expected the input's size, {size[1]} x {size[0]} px, got {found[1]} x {found[0]} px"
        )
    name, frame = _name_and_frame(name) if colon else (DEFAULT_NAME, None)
    name, place = check_name(name, place=f"--mask {text}"), f"--mask {text}"
    if len(found) == 1:
        return [Pointed(name, place, mask=mask, frame=frame) for mask in found.values()]
    return [Pointed(f"{name} {number}", place, mask=mask, category=name, frame=frame) for number, mask in found.items()]


def _name_and_frame(text: str) -> tuple[str, int | None]:
    """The name and the frame after it; the name is "object" where a frame alone is given."""
    found = _NAME_AND_FRAME.fullmatch(text)
    return (found["name"] or DEFAULT_NAME, int(found["frame"])) if found else (text, None)


def _split(text: str) -> tuple[str, int | None, list[float]]:
    """Split into name, frame, and the numbers after them; no numbers if one of them is not a finite number."""
    before, colon, numbers = text.rpartition(":")
    name, frame = _name_and_frame(before) if colon else (DEFAULT_NAME, None)
    try:
        found = [float(number) for number in numbers.split(",")]
    except ValueError:
        return name, frame, []
    return name, frame, found if all(map(math.isfinite, found)) else []
