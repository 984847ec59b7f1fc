"""Edits in the words of the command line, and the log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from overseg.data.rles import Rles
from overseg.edits.editor import Editor
from overseg.edits.mask_maker import Click
from overseg.edits.reading import done_edits, lost_edits, undone_edits
from overseg.edits.words import edit_in_words
from overseg.errors import SettingsError
from overseg.prompts.labelled_points import parse_boxes, points_of
from overseg.prompts.words import parse_masks
from overseg.store.result import Result

_LEAST_AND_MOST_WORDS = {
    "merge": (2, 10**6, "two or more tracks"),
    "split": (1, 1, "one track, and --at FRAME"),
    "name": (2, 2, "a track and a name"),
    "drop": (1, 10**6, "one or more tracks"),
    "restore": (1, 1, "one track"),
    "correct": (1, 1, "one track, and --at FRAME with --mask FILE, --point X,Y,LABEL or --box X1,Y1,X2,Y2"),
    "new": (0, 0, "--at FRAME with --mask FILE, --point X,Y,LABEL or --box X1,Y1,X2,Y2"),
    "propagate": (1, 1, "one track, and --at FRAME"),
    "undo": (0, 0, "nothing"),
    "redo": (0, 0, "nothing"),
}
OPTIONS = (  # their names, the fields of a command, and the actions that they are for
    ("at", "at", ("split", "correct", "new", "propagate")),
    ("category", "category", ("name",)),
    ("mask", "mask", ("correct", "new")),
    ("point", "points", ("correct", "new")),
    ("box", "box", ("correct", "new")),
)


@dataclass(frozen=True)
class Command:
    """An edit in words.

    Attributes:
        action: merge, split, name, drop, restore, correct, new, propagate, undo or redo.
        words: the tracks, and for name the name.
        at: for split, the first frame of the new track; for correct, new and propagate, the frame.
        category: for name; None for the name.
        mask: for correct and new, a picture that is black beside the mask.
        points: for correct and new, clicks as `x,y,label`.
        box: for correct and new, a box as `x1,y1,x2,y2`.
        masks: for correct and new, in place of all that, compressed COCO strings by frame.
    """

    action: str
    words: tuple[str, ...] = ()
    at: str | None = None
    category: str | None = None
    mask: str | None = None
    points: tuple[str, ...] = ()
    box: str | None = None
    masks: dict[int, bytes] | None = None


def perform(editor: Editor, command: Command) -> str:
    """Make an edit, and return what was done in words.

    Raises:
        SettingsError: the action is unknown, or something is missing or too much.
        OversegError: the edit cannot be made.
    """
    action, words = command.action, command.words
    if action not in _LEAST_AND_MOST_WORDS:
        raise SettingsError(f"expected one of {', '.join(_LEAST_AND_MOST_WORDS)}, log or apply, got {short(action)}")
    least, most, usage = _LEAST_AND_MOST_WORDS[action]
    if not least <= len(words) <= most:
        raise SettingsError(f"{action} takes {usage}, got {short(' '.join(words)) if words else 'nothing'}")
    for option, field, used_by in OPTIONS:
        if getattr(command, field) and action not in used_by:
            raise SettingsError(f"--{option} is for {' and '.join(used_by)}, not for {action}")
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
            return editor.split(tracks[0], at=_frame(command))
        case "name":
            editor.name(tracks[0], words[1], category=command.category)
        case "drop":
            editor.drop(*tracks)
        case "restore":
            editor.restore(tracks[0])
        case "correct":
            _correct(editor, tracks[0], command)
        case "new":
            return _new(editor, command)
        case "propagate":
            editor.propagate(tracks[0], _frame(command))
    return None


def _correct(editor: Editor, track: int, command: Command) -> None:
    if command.points or command.box is not None:
        points, box_xyxy = _prompts(command)
        editor.prompt(track, _frame(command), points=points, box_xyxy=box_xyxy)
    else:
        editor.correct(track, _masks(editor, command))


def _new(editor: Editor, command: Command) -> int:
    if command.points or command.box is not None:
        points, box_xyxy = _prompts(command)
        return editor.prompt_new(_frame(command), points=points, box_xyxy=box_xyxy)
    return editor.new(_masks(editor, command))


def _prompts(command: Command) -> tuple[tuple[Click, ...], tuple[float, ...] | None]:
    """The clicks and the box of a command."""
    if command.mask is not None:
        raise SettingsError("--mask is for a mask as it is, and takes no --point and no --box")
    boxes = [] if command.box is None else parse_boxes(command.box)
    if len(boxes) > 1:
        raise SettingsError(f"{command.action} takes one --box, got {len(boxes)}")
    return (points_of(command.points).points if command.points else ()), (boxes[0].box_xyxy if boxes else None)


def _masks(editor: Editor, command: Command) -> Mapping[int, bytes | Rles]:
    """The masks of a command: as they are, or one from a picture."""
    if command.masks is not None:
        return command.masks
    if command.mask is None:
        raise SettingsError(f"{command.action} takes {_LEAST_AND_MOST_WORDS[command.action][2]}")
    frame, found = _frame(command), parse_masks(command.mask, editor.result.size)
    if len(found) != 1 or found[0].mask is None:
        raise SettingsError(f"--mask takes a picture of one mask, and {command.mask} has {len(found)}")
    return {frame: found[0].mask}


def _frame(command: Command) -> int:
    if command.at is None:
        raise SettingsError(f"{command.action} takes a frame: --at FRAME")
    return _number(command.at, "a frame")


def log_lines(result: Result) -> Iterator[str]:
    """Yield a line for each edit: those that count, those that were taken back, and those without their tracks."""
    states = [(entry, "") for entry in done_edits(result)]
    states += [(entry, " (taken back)") for entry in undone_edits(result)]
    states += [(entry, " (left out: its track is not in this result)") for entry in lost_edits(result)]
    for entry, state in sorted(states, key=lambda one: one[0].number):
        yield f"{entry.number}  {entry.time}  {edit_in_words(entry.edit)}{state}"


def _number(word: str, what: str) -> int:
    if not word.isascii() or not word.isdecimal() or len(word) > 9:
        raise SettingsError(f"expected the number of {what}, got {short(word)}")
    return int(word)


def short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
