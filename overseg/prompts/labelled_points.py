"""Parses prompts for one picture: points as `60,45:pos 10,10:neg`, boxes as `10,20,60,80 90,20,120,80`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from overseg.errors import SettingsError
from overseg.prompts.objects import Pointed

if TYPE_CHECKING:
    from overseg.prompts.given import Box, Point

_NUMBER = r"\d{1,7}(?:\.\d{1,6})?"
_LABELS = {":pos": 1, ":neg": 0, ",1": 1, ",0": 0}


def points_of(given: "Sequence[Point | str]") -> Pointed:
    """The points of one object, given as points and as texts; the first point names it."""
    read = [parse_points(one) if isinstance(one, str) else one.pointed() for one in given] or [parse_points("")]
    return replace(read[0], points=tuple(point for one in read for point in one.points))


def boxes_of(given: "Sequence[Box | str]") -> list[Pointed]:
    """Boxes, given as boxes and as texts, one object per box; those without a name are numbered."""
    words = [word for one in given for word in (one.split() if isinstance(one, str) else [one])]
    read = [parse_boxes(one)[0] if isinstance(one, str) else one.pointed() for one in words] or parse_boxes("")
    names = [f"object {number}" if isinstance(one, str) else one.name for number, one in enumerate(words, start=1)]
    return [replace(box, name=name) for box, name in zip(read, names, strict=True)]


def parse_points(text: str) -> Pointed:
    """Parse points of one object: `pos` is on it, `neg` beside it.

    >>> parse_points("60,45:pos 10,10:neg").points
    ((60.0, 45.0, 1), (10.0, 10.0, 0))

    Raises:
        SettingsError: the text has another form.
    """
    points = []
    for word in text.split():
        found = re.fullmatch(rf"({_NUMBER}),({_NUMBER})(:pos|:neg|,1|,0)", word)
        if found is None:
            raise SettingsError(f"--point takes x,y,label or 'x,y:pos x,y:neg …' in pixels, and cannot read {word!r}")
        points.append((float(found[1]), float(found[2]), _LABELS[found[3]]))
    if not points:
        raise SettingsError("--point takes x,y,label or 'x,y:pos x,y:neg …' in pixels, and got none")
    return Pointed("object", f"--point {text}", points=tuple(points))


def parse_boxes(text: str) -> list[Pointed]:
    """Parse boxes, one object per box.

    >>> [one.box_xyxy for one in parse_boxes("10,20,60.5,80")]
    [(10.0, 20.0, 60.5, 80.0)]

    Raises:
        SettingsError: the text has another form.
    """
    boxes = []
    for number, word in enumerate(text.split(), start=1):
        if not re.fullmatch(",".join([_NUMBER] * 4), word):
            raise SettingsError(f"--box takes 'x1,y1,x2,y2 …' in pixels, and cannot read {word!r}")
        x1, y1, x2, y2 = map(float, word.split(","))
        boxes.append(Pointed(f"object {number}", f"--box {word}", box_xyxy=(x1, y1, x2, y2)))
    if not boxes:
        raise SettingsError("--box takes 'x1,y1,x2,y2 …' in pixels, and got none")
    return boxes
