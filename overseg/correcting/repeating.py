"""Making the edits of a journal again, such as a copy of it, or one that was damaged and put aside."""

from overseg.edits.anchors import Anchors, active, refs_of
from overseg.edits.edit import MAKES_A_TRACK, Correct, Drop, Edit, Merge, Name, New, Restore, Split
from overseg.edits.editor import Editor
from overseg.edits.journal import parse_journal, run_of
from overseg.edits.words import edit_in_words
from overseg.errors import InputError, OversegError
from overseg.store.places import folder_at


def repeat_journal(editor: Editor, content: bytes, place: str) -> list[str]:
    """Make the edits of a journal that were not taken back, and return them in words.

    Args:
        editor: makes them.
        content: of the journal's file.
        place: the file's name, for messages.

    Raises:
        InputError: it is of another run, damaged, or an edit cannot be made; the edits before that are made.
        StoreError: it was written by a newer version.
    """
    result = editor.result
    found = parse_journal(content, place, result.size, run_of(folder_at(result.path)))
    if not found.is_of_run:
        raise InputError(
            f"{place} has edits of another run than the one in {result.path}: expected the journal of this run, or a "
            "file with an edit in each line, such as merge 13 73"
        )
    anchors, made, done = Anchors(result.as_found, ()), dict[int, int](), list[str]()
    for entry in active(found.entries)[0]:
        refs = refs_of(entry.edit)
        tracks = [made.get(ref.made_by) if ref.made_by >= 0 else anchors.find(ref, entry.version) for ref in refs]
        here, n_tracks = [track for track in tracks if track is not None], len(editor.result.tracks)
        try:
            if len(here) < len(refs):
                raise InputError("its tracks are not in this result")
            _repeat(editor, entry.edit, here)
        except OversegError as e:
            raise InputError(f"{place}, edit {entry.number}: {e}; the {len(done)} edits before it are made") from e
        if isinstance(entry.edit, MAKES_A_TRACK):
            made[entry.number] = n_tracks
        done.append(edit_in_words(entry.edit))
    if found.damage:
        raise InputError(found.damage)
    return done


def _repeat(editor: Editor, edit: Edit, tracks: list[int]) -> None:
    match edit:
        case Name(name=name, category=category):
            editor.name(tracks[0], name, category=category or None)
        case Merge():
            editor.merge(*tracks)
        case Split(at=at):
            editor.split(tracks[0], at=at)
        case Drop():
            editor.drop(*tracks)
        case Restore():
            editor.restore(tracks[0])
        case Correct(masks=masks, how=how):
            editor.correct(tracks[0], dict(masks), how=how)
        case New(masks=masks, how=how):
            editor.new(dict(masks), how=how)
