"""What a request asks for, checked: numbers in range, and bodies of the right form."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from overseg.view.access import MOST_BYTES

_MOST_POINTS = 200


def number(text: Any, name: str, stop: int) -> int:
    """Return a whole number from 0 to stop - 1; HTTPException if it is none."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 9:
        text = int(text)
    if type(text) is not int or not 0 <= text < stop:
        raise HTTPException(400, f"expected {name} from 0 to {stop - 1}")
    return text


async def body(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body; HTTPException if it is too large or none."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise HTTPException(413, f"expected at most {MOST_BYTES} bytes")
    try:
        found = json.loads(bytes(content))
    except (ValueError, RecursionError) as e:
        raise HTTPException(400, "expected JSON") from e
    if not isinstance(found, dict):
        raise HTTPException(400, "expected an object")
    return found


def text(found: dict[str, Any], name: str, *, most: int = 200) -> str:
    """Return a text of a body; HTTPException if it is none."""
    value = found.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise HTTPException(400, f"expected {name} as text of at most {most} characters")
    return value


def tracks(found: dict[str, Any], n_tracks: int) -> list[int]:
    """Return the tracks of a body; HTTPException if there are none."""
    given = found.get("tracks")
    if not isinstance(given, list) or not 0 < len(given) <= n_tracks:
        raise HTTPException(400, "expected tracks")
    return [number(one, "a track", n_tracks) for one in given]


def masks(found: dict[str, Any], n_frames: int) -> dict[int, bytes]:
    """Return the masks of a body by frame, as COCO strings; HTTPException if there are none."""
    given = found.get("masks")
    if not isinstance(given, list) or not 0 < len(given) <= n_frames:
        raise HTTPException(400, "expected masks")
    by_frame = {}
    for one in given:
        if not isinstance(one, list) or len(one) != 2 or not isinstance(one[1], str) or not one[1].isascii():
            raise HTTPException(400, "expected masks as [frame, text]")
        by_frame[number(one[0], "a frame", n_frames)] = one[1].encode()
    return by_frame


def points(found: dict[str, Any], size: tuple[int, int]) -> list[tuple[float, float, int]]:
    """Return the clicks of a body as (x, y, label); HTTPException if they are none."""
    given = found.get("points", [])
    if not isinstance(given, list) or len(given) > _MOST_POINTS:
        raise HTTPException(400, "expected points")
    clicks = []
    for one in given:
        if not isinstance(one, list) or len(one) != 3 or one[2] not in (0, 1):
            raise HTTPException(400, "expected points as [x, y, label]")
        clicks.append((*_inside(one[:2], size), int(one[2])))
    return clicks


def box(found: dict[str, Any], size: tuple[int, int]) -> list[float] | None:
    """Return the box of a body as [x1, y1, x2, y2]; None if there is none; HTTPException if it is wrong."""
    given = found.get("box")
    if given is None:
        return None
    if not isinstance(given, list) or len(given) != 4:
        raise HTTPException(400, "expected box as [x1, y1, x2, y2]")
    x1, y1 = _inside(given[:2], size)
    x2, y2 = _inside(given[2:], size)
    if x1 >= x2 or y1 >= y2:
        raise HTTPException(400, "expected a box with an area")
    return [x1, y1, x2, y2]


def _inside(xy: list[Any], size: tuple[int, int]) -> tuple[float, float]:
    if not all(type(value) in (int, float) for value in xy) or not (0 <= xy[0] <= size[1] and 0 <= xy[1] <= size[0]):
        raise HTTPException(400, "expected a place inside the picture")
    return float(xy[0]), float(xy[1])
