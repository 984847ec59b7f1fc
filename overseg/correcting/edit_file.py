"""Edits from a file: a line each, as on the command line or as JSON; or the journal of the same run."""

import json
import shlex
from pathlib import Path
from typing import Any

from overseg.correcting.repeating import repeat_journal
from overseg.correcting.script import OPTIONS, Command, perform, short
from overseg.edits.editor import Editor
from overseg.edits.journal import is_journal
from overseg.errors import InputError, OversegError, SettingsError

_MOST_BYTES = 1 << 30


def apply_file(editor: Editor, words: list[str]) -> list[str]:
    """Make the edits of a file, and return what was done in words. The edits before a wrong line are kept.

    Args:
        editor: makes them.
        words: the file's path, alone.

    Raises:
        SettingsError: there is not one path.
        InputError: the file cannot be read, or a line is no edit that can be made.
    """
    if len(words) != 1:
        raise SettingsError(f"apply takes one file, got {' '.join(words) or 'nothing'}")
    path = Path(words[0])
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is larger than {_MOST_BYTES} bytes: expected a file of edits")
        content = path.read_bytes()
        lines = content.decode().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"cannot read edits from {path}: {getattr(e, 'strerror', None) or 'it is no text'}") from e
    if is_journal(content):
        return repeat_journal(editor, content, str(path))
    done: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                done.append(perform(editor, _command(line)))
            except OversegError as e:
                raise InputError(f"{path}, line {number}: {e}; the {len(done)} edits before it are made") from e
    return done


def _command(line: str) -> Command:
    """The edit in a line: JSON, or words."""
    if line.lstrip().startswith("{"):
        return _command_of_json(line)
    try:
        words = shlex.split(line)
    except ValueError as e:
        raise InputError(f"the quotes do not match in {short(line)}") from e
    given: dict[str, list[str]] = {option: [] for option, *_ in OPTIONS}
    kept: list[str] = []
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word[2:] not in given:
            kept.append(word)
        elif words:
            given[word[2:]].append(words.pop(0))
        else:
            raise InputError(f"{word} has no value")
    if not kept:
        raise InputError(f"expected an edit, got {short(line)}")
    at, category, mask, box = (
        given[option][-1] if given[option] else None for option in ("at", "category", "mask", "box")
    )
    return Command(kept[0], tuple(kept[1:]), at, category, mask=mask, points=tuple(given["point"]), box=box)


def _command_of_json(line: str) -> Command:
    try:
        found = json.loads(line)
        tracks = found.get("tracks", [found["track"]] if "track" in found else [])
        words = [*map(str, tracks), *([found["name"]] if "name" in found else [])]
        masks = {int(frame): counts.encode() for frame, counts in found.get("masks", [])} or None
        points = tuple(_joined(point) for point in found.get("points", []))
        at, category, mask = found.get("at"), found.get("category"), found.get("mask")
        texts = [found["do"], *words, *(text for text in (category, mask) if text is not None)]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a value is no text")
        box = _joined(found["box"]) if "box" in found else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        example = '{"do": "merge", "tracks": [1, 2]}'
        raise InputError(f"expected an edit such as {example}, got {short(line)}") from e
    at = None if at is None else str(at)
    return Command(found["do"], tuple(words), at, category, mask=mask, points=points, box=box, masks=masks)


def _joined(numbers: list[Any]) -> str:
    """Numbers as on the command line; TypeError if they are none."""
    if not isinstance(numbers, list) or not all(type(one) in (int, float) for one in numbers):
        raise TypeError("expected numbers")
    return ",".join(map(str, numbers))
