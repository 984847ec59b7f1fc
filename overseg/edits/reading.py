"""Opening a result with the edits that lie beside it."""

from pathlib import Path

from overseg.edits.edit import Entry
from overseg.edits.edited import Edited
from overseg.edits.journal import JOURNAL, JournalContent, read_journal
from overseg.edits.plan import Plan, anchors_of, plan_of
from overseg.edits.words import edit_in_words
from overseg.store.places import folder_at
from overseg.store.result import AnyResult, Result, open_result

_MOST_LISTED = 3


def open_edited(path: str | Path, *, as_found: bool = False) -> Result:
    """Return the result in a store with its edits. `remarks_of` has what a user should be told.

    Args:
        path: the store.
        as_found: without the edits, as the run published it.

    Raises:
        StoreError: there is no store, it holds no result yet, or its journal cannot be read.
    """
    result = open_result(path)
    return result if as_found else edited(result)


def edited(result: AnyResult) -> AnyResult:
    """Return a result with the edits that lie beside it now."""
    return with_journal(result, read_journal(folder_at(result.path), result.size))


def with_journal(result: AnyResult, content: JournalContent) -> AnyResult:
    """Return the result with the edits of a journal; the result as it was published where there are none.

    Args:
        result: with or without other edits.
        content: the journal.
    """
    found = result.as_found
    plan = plan_of(found, content.entries, anchors_of(found, content.entries))
    remarks = _remarks(result, content, plan)
    if not content.entries and not remarks:
        return result.changed(None)
    before = result.changes if isinstance(result.changes, Edited) else None
    return result.changed(lambda stored: Edited(stored, plan, remarks=remarks, before=before))


def remarks_of(result: Result) -> tuple[str, ...]:
    """Return what a user should know about the edits of a result: damage, and edits without their tracks."""
    return result.changes.remarks if isinstance(result.changes, Edited) else ()


def done_edits(result: Result) -> tuple[Entry, ...]:
    """Return the edits that a result shows, in order."""
    return tuple(result.changes.plan.done) if isinstance(result.changes, Edited) else ()


def undone_edits(result: Result) -> tuple[Entry, ...]:
    """Return the edits that were taken back and can be made again, the next one last."""
    return tuple(result.changes.plan.undone) if isinstance(result.changes, Edited) else ()


def dropped_tracks(result: Result) -> set[int]:
    """Return the tracks that edits deleted."""
    return set(result.changes.plan.dropped) if isinstance(result.changes, Edited) else set()


def lost_edits(result: Result) -> tuple[Entry, ...]:
    """Return the edits that do not count, as their tracks or frames are not in this result."""
    return tuple(result.changes.plan.lost) if isinstance(result.changes, Edited) else ()


def tracks_between(before: Result, after: Result) -> set[int] | None:
    """Return the tracks whose masks may differ between two states of a store; None if it is another result now."""
    if before.version != after.version:
        return None
    one, other = _plan(before), _plan(after)
    return one.moved_beside(other) | (one.dropped ^ other.dropped)


def _plan(result: Result) -> Plan:
    return result.changes.plan if isinstance(result.changes, Edited) else Plan(result.n_tracks)


def _remarks(result: Result, content: JournalContent, plan: Plan) -> tuple[str, ...]:
    remarks = [content.damage] if content.damage else []
    if not content.is_of_run:
        remarks.append(
            f"the edits in {result.path}/{JOURNAL} were made for another run, which was overwritten: they are left out"
        )
    if plan.lost:
        listed = ", ".join(f"{entry.number} ({edit_in_words(entry.edit)})" for entry in plan.lost[:_MOST_LISTED])
        more = f" and {len(plan.lost) - _MOST_LISTED} more" if len(plan.lost) > _MOST_LISTED else ""
        remarks.append(
            f"{len(plan.lost)} edits are left out, as their tracks are not in this result: {listed}{more}; see "
            f"`overseg edit {result.path} log`"
        )
    return tuple(remarks)
