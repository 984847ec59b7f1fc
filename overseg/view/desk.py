"""The edits that the page makes, and who may make them: one window at a time."""

import secrets
import threading
import time
from typing import Any

from starlette.exceptions import HTTPException

from overseg.edits.editor import Editor
from overseg.edits.reading import done_edits, dropped_tracks, undone_edits
from overseg.edits.words import edit_in_words
from overseg.view import asked
from overseg.view.shown import Shown

_AWAY_S = 12.0  # a window that was not heard of for so long lets another one edit
_LISTED = 50


class Desk:
    """Lets one window edit a store.

    Attributes:
        why_read_only: why nobody can edit; empty if one window can.
    """

    def __init__(self, shown: Shown, editor: Editor | None, why_read_only: str = "") -> None:
        """
        Args:
            shown: the store.
            editor: makes the edits; None if the store is read-only.
            why_read_only: the reason, in words.
        """
        self._shown, self._editor = shown, editor
        self.why_read_only = why_read_only
        self._lock = threading.Lock()
        self._seat, self._heard_at = "", 0.0

    def sit(self, seat: str, *, take: bool = False) -> str:
        """Return the seat of a window that may edit, or "" if it may not.

        Args:
            seat: what it got before; "" for a new window.
            take: take the seat from another window.
        """
        if self._editor is None:
            return ""
        now = time.monotonic()
        with self._lock:
            is_free = not self._seat or now - self._heard_at > _AWAY_S
            if take or (is_free and (seat != self._seat or not seat)):
                self._seat = secrets.token_urlsafe(16)
                self._heard_at = now
                return self._seat
            if seat == self._seat:
                self._heard_at = now
                return seat
        return ""

    def refresh(self) -> None:
        """Show the store's present state, if a run published another result or another process edited it."""
        with self._lock:
            self._shown.refresh()

    def log(self) -> dict[str, Any]:
        """The latest edits in words, whether one can be taken back or made again, and the deleted tracks."""
        done, undone = done_edits(self._shown.result), undone_edits(self._shown.result)
        listed = [[entry.number, edit_in_words(entry.edit)] for entry in done[-_LISTED:]]
        dropped = sorted(dropped_tracks(self._shown.result))
        return {"done": listed, "canUndo": bool(done), "canRedo": bool(undone), "dropped": dropped}

    def edit(self, found: dict[str, Any]) -> dict[str, Any]:
        """Make the edit that a body describes, and return which track it made, and the edits so far.

        Raises:
            HTTPException: the body is wrong, or this window may not edit.
            OversegError: the edit cannot be made.
        """
        with self._lock:
            if self._editor is None or not self._seat or found.get("seat") != self._seat:
                raise HTTPException(409, self.why_read_only or "another window edits this store")
            self._heard_at = time.monotonic()
            if self._editor.result.version != self._shown.result.version:
                self._editor.reopen()
            made, said = self._perform(self._editor, found)
            self._shown.show(self._editor.result)
        return {"made": made, "said": said, "log": self.log()}

    def _perform(self, editor: Editor, found: dict[str, Any]) -> tuple[int | None, str]:
        """Make the edit; return the track that it made, and for undo and redo what was done."""
        n_tracks, n_frames = editor.result.n_tracks, len(editor.result)
        match found.get("do"):
            case "undo":
                return None, f"taken back: {editor.undo()}"
            case "redo":
                return None, f"made again: {editor.redo()}"
            case "new":
                return editor.new(asked.masks(found, n_frames), how=_how(found)), ""
        tracks = asked.tracks(found, n_tracks)
        match found.get("do"):
            case "merge":
                editor.merge(*tracks)
            case "drop":
                editor.drop(*tracks)
            case "restore":
                editor.restore(tracks[0])
            case "split":
                return editor.split(tracks[0], at=asked.number(found.get("at"), "a frame", n_frames)), ""
            case "name":
                editor.name(tracks[0], asked.text(found, "name"), category=asked.text(found, "category") or None)
            case "correct":
                editor.correct(tracks[0], asked.masks(found, n_frames), how=_how(found))
            case "propagate":
                n_reached = editor.propagate(tracks[0], asked.number(found.get("frame"), "a frame", n_frames))
                return None, f"propagated to {n_reached} frames"
            case _:
                raise HTTPException(400, "expected an edit")
        return None, ""


def _how(found: dict[str, Any]) -> str:
    return "prompted" if found.get("how") == "prompted" else "drawn"
