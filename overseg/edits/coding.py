"""Edits as JSON, and back. What comes back is checked: a journal may have been changed by hand."""

import re
from collections.abc import Callable
from typing import Any

from overseg.data.crops import run_lengths
from overseg.data.track_names import check_name
from overseg.edits.edit import Correct, Drop, Edit, Entry, Masks, Merge, Name, New, Redo, Restore, Split, TrackRef, Undo
from overseg.errors import InputError

_HOW = ("drawn", "prompted", "propagated")
_LARGEST = 2**63 - 1
_NUMBER = re.compile(rb"[P-o]*[0-O]")  # characters that continue, then the last one
_MOST_CHARACTERS = 7  # of one number: 35 bits


def to_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON, without its checksum."""
    return {
        "entry": entry.number,
        "time": entry.time,
        "version": entry.version,
        "edit": edit_to_json(entry.edit),
    }


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """Return an edit as JSON."""
    found: dict[str, Any] = {"do": edit.kind}
    if not isinstance(edit, New | Undo | Redo):
        found["track"] = _ref_to_json(edit.track)
    match edit:
        case Name():
            found |= {"name": edit.name, "category": edit.category}
        case Merge():
            found["others"] = [_ref_to_json(other) for other in edit.others]
        case Drop() if edit.others:
            found["others"] = [_ref_to_json(other) for other in edit.others]
        case Split():
            found["at"] = edit.at
        case Correct() | New():
            found |= {"masks": [[frame, counts.decode()] for frame, counts in edit.masks], "how": edit.how}
    if isinstance(edit, New) and edit.part_of is not None:
        found["part_of"] = _ref_to_json(edit.part_of)
    return found


def from_json(found: dict[str, Any], size: tuple[int, int]) -> Entry:
    """Return the entry of this JSON.

    Args:
        found: the JSON.
        size: (height, width) of every mask, in pixels.

    Raises:
        ValueError: it is no entry, with the reason in a few words.
    """
    number, time, version = (found.get(name) for name in ("entry", "time", "version"))
    if not isinstance(number, int) or not isinstance(time, str) or not isinstance(version, str):
        raise ValueError("it has no number, time or version")
    return Entry(number, time, version, edit_from_json(found.get("edit"), size))


def edit_from_json(found: Any, size: tuple[int, int]) -> Edit:
    """Return the edit of this JSON; ValueError if it is none."""
    if not isinstance(found, dict) or found.get("do") not in _EDITS:
        raise ValueError("it is no edit of this version")
    return _EDITS[found["do"]](found, size)


def _ref_to_json(ref: TrackRef) -> dict[str, Any]:
    return {"made_by": ref.made_by} if ref.made_by >= 0 else {"track": ref.track, "regions": list(ref.regions)}


def _ref(found: Any) -> TrackRef:
    if not isinstance(found, dict):
        raise ValueError("a track is missing")
    if "made_by" in found:
        return TrackRef(made_by=_whole(found["made_by"], "made_by"))
    regions = found.get("regions")
    if not isinstance(regions, list):
        raise ValueError("a track has no regions")
    return TrackRef(_whole(found.get("track"), "track"), -1, tuple(_whole(one, "region") for one in regions))


def _whole(found: Any, name: str) -> int:
    if type(found) is not int or not 0 <= found <= _LARGEST:
        raise ValueError(f"{name} is no number")
    return found


def _masks(found: Any, size: tuple[int, int]) -> Masks:
    if not isinstance(found, list) or not all(isinstance(one, list) and len(one) == 2 for one in found):
        raise ValueError("masks are no list of frames and masks")
    masks = tuple((_whole(frame, "frame"), _counts(counts, size)) for frame, counts in found)
    frames = [frame for frame, _ in masks]
    if frames != sorted(set(frames)):
        raise ValueError("the frames of masks do not ascend")
    return masks


def _counts(found: Any, size: tuple[int, int]) -> bytes:
    if not isinstance(found, str) or not found.isascii():
        raise ValueError("a mask is no text")
    return checked_counts(found.encode(), size) if found else b""


def checked_counts(counts: bytes, size: tuple[int, int]) -> bytes:
    """Return a mask's compressed COCO string if it is one of a picture of this size: pycocotools does not check it.

    Raises:
        ValueError: it has other characters, or its run lengths do not sum up to the picture.
    """
    is_text = bool(counts) and ord("0") <= min(counts) and max(counts) <= ord("o") and not (counts[-1] - 48) & 32
    n_characters = max((len(number) for number in _NUMBER.findall(counts)), default=0)
    runs = run_lengths(counts) if is_text and n_characters <= _MOST_CHARACTERS else None
    if runs is None or runs.min() < 0 or runs.sum() != size[0] * size[1]:
        raise ValueError("a mask has other run lengths than the picture")
    return counts


def _name(found: dict[str, Any]) -> Name:
    name, category = found.get("name"), found.get("category")
    if name == category == "":
        return Name(_ref(found.get("track")), "", "")
    try:
        return Name(_ref(found.get("track")), check_name(name, place="name"), check_name(category, place="category"))
    except InputError as e:
        raise ValueError(str(e)) from e


def _others(found: Any) -> tuple[TrackRef, ...]:
    if not isinstance(found, list):
        raise ValueError("others are no list")
    return tuple(map(_ref, found))


def _how(found: dict[str, Any]) -> str:
    if found.get("how") not in _HOW:
        raise ValueError(f"how is not one of {', '.join(_HOW)}")
    return found["how"]


def _new(found: dict[str, Any], size: tuple[int, int]) -> New:
    whole = found.get("part_of")
    return New(_masks(found.get("masks"), size), None if whole is None else _ref(whole), _how(found))


_EDITS: dict[str, Callable[[dict[str, Any], tuple[int, int]], Edit]] = {
    "name": lambda found, size: _name(found),
    "merge": lambda found, size: Merge(_ref(found.get("track")), _others(found.get("others"))),
    "split": lambda found, size: Split(_ref(found.get("track")), _whole(found.get("at"), "at")),
    "drop": lambda found, size: Drop(_ref(found.get("track")), _others(found.get("others", []))),
    "restore": lambda found, size: Restore(_ref(found.get("track"))),
    "correct": lambda found, size: Correct(_ref(found.get("track")), _masks(found.get("masks"), size), _how(found)),
    "new": _new,
    "undo": lambda found, size: Undo(),
    "redo": lambda found, size: Redo(),
}
