"""Edits in words, for logs and messages."""

from overseg.edits.edit import Correct, Drop, Edit, Merge, Name, New, Redo, Restore, Split, TrackRef, Undo


def edit_in_words(edit: Edit) -> str:
    """Return what an edit does, in a few words, with the numbers of tracks that it was made with.

    >>> edit_in_words(Merge(TrackRef(13), (TrackRef(73), TrackRef(made_by=4))))
    'merge 13 with 73, the track of edit 4'
    """
    match edit:
        case Name(track, "", _):
            return f"take the name of {_track(track)} away"
        case Name(track, name, category):
            return f"name {_track(track)} {name}" + (f" ({category})" if category != name else "")
        case Merge(track, others):
            return f"merge {_track(track)} with {', '.join(map(_track, others))}"
        case Split(track, at):
            return f"split {_track(track)} at frame {at}"
        case Drop(track, others):
            return f"drop {', '.join(map(_track, (track, *others)))}"
        case Restore(track):
            return f"restore {_track(track)}"
        case Correct(track, masks, how):
            return f"correct {_track(track)} on {_frames(masks)}, {how}"
        case New(masks, _, how):
            return f"new track on {_frames(masks)}, {how}"
        case Undo():
            return "undo"
        case Redo():
            return "redo"


def _track(ref: TrackRef) -> str:
    return f"the track of edit {ref.made_by}" if ref.made_by >= 0 else str(ref.track)


def _frames(masks: tuple[tuple[int, bytes], ...]) -> str:
    return f"frame {masks[0][0]}" if len(masks) == 1 else f"{len(masks)} frames"
