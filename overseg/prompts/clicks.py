"""Clicks on objects as four strings of JSON, in the format of hosted SAM 2.

{"click_coordinates": "[391,239],[512,300]", "click_labels": "1,1", "click_frames": "0,0",
 "click_object_ids": "obj_1,obj_1", "num_points": 2, "width": 854, "height": 480}
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from overseg.annotations.encoded import json_of
from overseg.data.prompts import Prompts
from overseg.data.track_names import TrackName, check_name
from overseg.errors import InputError
from overseg.prompts.objects import PromptedObjects

_STRINGS = ("click_coordinates", "click_labels", "click_frames", "click_object_ids")
_COORDINATE = r"\[\s*(\d{1,7})\s*,\s*(\d{1,7})\s*\]"
_SEPARATOR = r"\s*,\s*"


@dataclass(frozen=True)
class Clicks:
    """Clicked points, in pixels of the input's pictures.

    Attributes:
        xy: position of each point.
        label: 1 on the object, 0 beside it.
        frame: number of the frame.
        object: name of the object.
        size: (height, width) of the pictures that the points belong to.
    """

    xy: Int64[np.ndarray, "n 2"]
    label: Int64[np.ndarray, " n"]
    frame: Int64[np.ndarray, " n"]
    object: tuple[str, ...]
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.object)

    def strings(self) -> dict[str, str]:
        """Return the four strings by their names.

        >>> Clicks(np.array([[3, 4]]), np.array([1]), np.array([0]), ("cup",), (90, 120)).strings()["click_coordinates"]
        '[3,4]'
        """
        columns = (
            [f"[{x},{y}]" for x, y in self.xy.tolist()],
            map(str, self.label.tolist()),
            map(str, self.frame.tolist()),
            self.object,
        )
        return {name: ",".join(column) for name, column in zip(_STRINGS, columns, strict=True)}

    def prompted(self, size: tuple[int, int]) -> PromptedObjects:
        """Convert the clicks to prompts for frames of this (height, width), which may be shrunk."""
        names = tuple(dict.fromkeys(self.object))
        xy = self.xy * (np.array(size[::-1]) / np.array(self.size[::-1]))
        number = np.array([names.index(one) for one in self.object])
        rows = []
        for one, frame in sorted(set(zip(number.tolist(), self.frame.tolist(), strict=True))):
            here = (number == one) & (self.frame == frame)
            points, labels = [(x, y) for x, y in xy[here].tolist()], self.label[here].tolist()
            rows.append(Prompts.of_points(size, object=one, frame=frame, xy=points, labels=labels))
        return PromptedObjects(Prompts.concatenate(rows), tuple(TrackName(name, name) for name in names))


def write_clicks(path: Path, clicks: Clicks) -> None:
    """Write the four strings, the number of points, and the size of the pictures."""
    height, width = clicks.size
    content = {**clicks.strings(), "num_points": len(clicks), "width": width, "height": height}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_clicks(path: Path, *, size: tuple[int, int], n_frames: int) -> Clicks:
    """Read clicks from a file of `write_clicks`, or of another client of hosted SAM 2.

    Args:
        path: the file; `width`, `height` and `num_points` may be missing in it.
        size: (height, width) of the input's pictures.
        n_frames: number of frames of the input.

    Raises:
        InputError: the file cannot be read, is for another size, or has a wrong value; the message names the place.
    """
    content = _content(path)
    _check_size(path, content, size)
    xy = _coordinates(path, content)
    label = _whole_numbers(path, content, "click_labels")
    frame = _whole_numbers(path, content, "click_frames")
    objects = [check_name(name, place=f"{path}, click_object_ids") for name in content["click_object_ids"].split(",")]
    for name, n in zip(_STRINGS[1:], (len(label), len(frame), len(objects)), strict=True):
        if n != len(xy):
            raise InputError(f"{path}, {name}: expected {len(xy)} values, one for each point, got {n}")
    if content.get("num_points", len(xy)) != len(xy):
        raise InputError(f"{path}, num_points: expected {len(xy)}, the number of points, got {content['num_points']}")
    clicks = Clicks(np.array(xy, np.int64), np.array(label, np.int64), np.array(frame, np.int64), tuple(objects), size)
    _check(path, clicks, n_frames)
    return clicks


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json_of(path)
    except (OSError, ValueError, RecursionError) as e:
        raise InputError(f"expected clicks as JSON in {path}, cannot read it: {' '.join(str(e).split())}") from e
    for name in _STRINGS:
        if not isinstance(content, dict) or not isinstance(content.get(name), str):
            raise InputError(f"{path}: expected a string {name}, as in {{{_STRINGS[0]!r}: '[391,239],[512,300]', …}}")
    return content


def _check_size(path: Path, content: dict[str, Any], size: tuple[int, int]) -> None:
    height, width = size
    made_for = (content.get("height", height), content.get("width", width))
    if made_for != size:
        raise InputError(
            f"{path}, width and height: expected clicks for pictures of {width} x {height} px, as this video has, got "
            f"{made_for[1]} x {made_for[0]}: make new clicks"
        )


def _coordinates(path: Path, content: dict[str, Any]) -> list[tuple[int, int]]:
    text = content["click_coordinates"].strip()
    if not re.fullmatch(f"{_COORDINATE}(?:{_SEPARATOR}{_COORDINATE})*", text):
        at = re.match(f"(?:{_COORDINATE}{_SEPARATOR})*", text)
        rest = text[at.end() if at else 0 :][:30]
        raise InputError(f"{path}, click_coordinates: expected whole numbers as '[391,239],[512,300]', got {rest!r}")
    return [(int(x), int(y)) for x, y in re.findall(_COORDINATE, text)]


def _whole_numbers(path: Path, content: dict[str, Any], name: str) -> list[int]:
    parts = [part.strip() for part in content[name].split(",")]
    wrong = next((part for part in parts if not re.fullmatch(r"\d{1,9}", part)), None)
    if wrong is not None:
        raise InputError(f"{path}, {name}: expected whole numbers as '0,0', got {wrong!r}")
    return [int(part) for part in parts]


def _check(path: Path, clicks: Clicks, n_frames: int) -> None:
    """Refuse clicks on missing frames or outside the picture, and objects without a point on them."""
    height, width = clicks.size
    for place, ((x, y), label, frame) in enumerate(
        zip(clicks.xy.tolist(), clicks.label.tolist(), clicks.frame.tolist(), strict=True), start=1
    ):
        if label not in (0, 1):
            raise InputError(f"{path}, click_labels: expected 1 (on the object) or 0 (beside it), got {label}")
        if frame >= n_frames:
            raise InputError(f"{path}, click_frames: expected frames 0 to {n_frames - 1}, got {frame}")
        if x >= width or y >= height:
            raise InputError(
                f"{path}, click_coordinates: point {place}, [{x},{y}], lies outside pictures of {width} x {height} px: "
                "it belongs to another video"
            )
    for name in dict.fromkeys(clicks.object):
        own = np.array([one == name for one in clicks.object])
        first = clicks.frame[own].min()
        if not clicks.label[own & (clicks.frame == first)].any():
            raise InputError(
                f"{path}, click_labels: expected a point with the label 1 for {name} on frame {first}, got none"
            )
