"""Edits in the words of the command line, one by one or from a file, and the log."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overseg.edits.editor import Editor
from overseg.edits.reading import done_edits, lost_edits, undone_edits
from overseg.edits.words import edit_in_words
from overseg.errors import InputError, OversegError, SettingsError
from overseg.store.result import Result

_MOST_BYTES = 1 << 30  # of a file of edits
_LEAST_AND_MOST_WORDS = {
    "merge": (2, 10**6, "two or more tracks"),
    "split": (1, 1, "one track, and --at FRAME"),
    "name": (2, 2, "a track and a name"),
    "drop": (1, 10**6, "one or more tracks"),
    "restore": (1, 1, "one track"),
    "correct": (1, 1, "one track, and masks"),
    "new": (0, 0, "masks alone"),
    "undo": (0, 0, "nothing"),
    "redo": (0, 0, "nothing"),
}


@dataclass(frozen=True)
class Command:
    """An edit in words.

    Attributes:
        action: merge, split, name, drop, restore, correct, new, undo or redo.
        words: the tracks, and for name the name.
        at: for split, the first frame of the new track.
        category: for name; None for the name.
        masks: for correct and new, compressed COCO strings by frame.
    """

    action: str
    words: tuple[str, ...] = ()
    at: str | None = None
    category: str | None = None
    masks: dict[int, bytes] | None = None


def perform(editor: Editor, command: Command) -> str:
    """Make an edit, and return what was done in words.

    Raises:
        SettingsError: the action is unknown, or something is missing or too much.
        OversegError: the edit cannot be made.
    """
    action, words = command.action, command.words
    if action not in _LEAST_AND_MOST_WORDS:
        raise SettingsError(f"expected one of {', '.join(_LEAST_AND_MOST_WORDS)}, log or apply, got {_short(action)}")
    least, most, usage = _LEAST_AND_MOST_WORDS[action]
    if not least <= len(words) <= most:
        raise SettingsError(f"{action} takes {usage}, got {_short(' '.join(words)) if words else 'nothing'}")
    for option, needed in (("at", "split"), ("category", "name")):
        if getattr(command, option) is not None and action != needed:
            raise SettingsError(f"--{option} is for {needed}, not for {action}")
    if action in ("undo", "redo"):
        return f"{action}: {editor.undo() if action == 'undo' else editor.redo()}"
    made = _performed(editor, command)
    said = f"{action} {' '.join(words)}".rstrip()
    return said + ("" if command.at is None else f" at {command.at}") + ("" if made is None else f": track {made}")


def _performed(editor: Editor, command: Command) -> int | None:
    """Make an edit that names tracks, and return the track that it made, if any."""
    action, words = command.action, command.words
    tracks = [_number(word, "a track") for word in (words[:1] if action == "name" else words)]
    match action:
        case "merge":
            editor.merge(*tracks)
        case "split":
            if command.at is None:
                raise SettingsError("split takes the first frame of the new track: --at FRAME")
            return editor.split(tracks[0], at=_number(command.at, "a frame"))
        case "name":
            editor.name(tracks[0], words[1], category=command.category)
        case "drop":
            editor.drop(*tracks)
        case "restore":
            editor.restore(tracks[0])
        case "correct":
            editor.correct(tracks[0], command.masks or {})
        case "new":
            return editor.new(command.masks or {})
    return None


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
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"cannot read edits from {path}: {getattr(e, 'strerror', None) or 'it is no text'}") from e
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
        raise InputError(f"the quotes do not match in {_short(line)}") from e
    options: dict[str, str] = {}
    for option in ("at", "category"):
        if f"--{option}" in words:
            at = words.index(f"--{option}")
            if at + 1 >= len(words):
                raise InputError(f"--{option} has no value")
            options[option] = words[at + 1]
            del words[at : at + 2]
    if not words:
        raise InputError(f"expected an edit, got {_short(line)}")
    return Command(words[0], tuple(words[1:]), at=options.get("at"), category=options.get("category"))


def _command_of_json(line: str) -> Command:
    try:
        found = json.loads(line)
        tracks = found.get("tracks", [found["track"]] if "track" in found else [])
        words = [*map(str, tracks), *([found["name"]] if "name" in found else [])]
        masks = {int(frame): counts.encode() for frame, counts in found.get("masks", [])} or None
        at, category = found.get("at"), found.get("category")
        if not all(isinstance(word, str) for word in (found["do"], *words)) or not isinstance(category, str | None):
            raise TypeError("a value is no text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        example = '{"do": "merge", "tracks": [1, 2]}'
        raise InputError(f"expected an edit such as {example}, got {_short(line)}") from e
    return Command(found["do"], tuple(words), None if at is None else str(at), category, masks)


def log_lines(result: Result) -> Iterator[str]:
    """Yield a line for each edit: those that count, those that were taken back, and those without their tracks."""
    states = [(entry, "") for entry in done_edits(result)]
    states += [(entry, " (taken back)") for entry in undone_edits(result)]
    states += [(entry, " (left out: its track is not in this result)") for entry in lost_edits(result)]
    for entry, state in sorted(states, key=lambda one: one[0].number):
        yield f"{entry.number}  {entry.time}  {edit_in_words(entry.edit)}{state}"


def _number(word: str, what: str) -> int:
    if not word.isascii() or not word.isdecimal() or len(word) > 9:
        raise SettingsError(f"expected the number of {what}, got {_short(word)}")
    return int(word)


def _short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
