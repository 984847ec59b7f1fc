"""The journal of edits: a file of JSON lines in the store's folder, to which lines are only added.

Each line has a checksum of itself and of the line before, so that a changed, missing or exchanged line is found.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from overseg.edits.coding import from_json, to_json
from overseg.edits.edit import Entry
from overseg.errors import StoreError
from overseg.store.folder import Folder
from overseg.store.root import read_attributes

JOURNAL = "edits.jsonl"
_FORMAT, _VERSION = "overseg-edits", 1
_CHECKSUM = "sha256"


@dataclass(frozen=True)
class JournalContent:
    """What a journal holds.

    Attributes:
        entries: the entries up to the first damaged line, in order.
        n_bytes: number of bytes up to there.
        checksum: of the last good line.
        damage: what is wrong after that, in one line; empty if nothing is.
        is_cut: whether the last line is incomplete, as after a kill while it was written. That is no damage.
        is_of_run: False if the journal belongs to another run; it has no entries then.
    """

    entries: tuple[Entry, ...]
    n_bytes: int
    checksum: str
    damage: str = ""
    is_cut: bool = False
    is_of_run: bool = True


def read_journal(store: Folder, size: tuple[int, int]) -> JournalContent:
    """Return the journal of a store; without one, a content without entries and bytes.

    Args:
        store: the store's folder.
        size: (height, width) of every mask, in pixels.

    Raises:
        StoreError: the file cannot be read, or was written by a newer version.
    """
    try:
        content = store.read(JOURNAL)
    except (FileNotFoundError, NotADirectoryError):
        return JournalContent((), 0, "")
    except OSError as e:
        raise StoreError(f"cannot read {store}/{JOURNAL}: {e.strerror or e}; check permissions") from e
    return parse_journal(content, f"{store}/{JOURNAL}", size, run_of(store))


def is_journal(content: bytes) -> bool:
    """Whether a file's content begins as a journal does."""
    header = _checked(content.partition(b"\n")[0], "")
    return header is not None and header.get("format") == _FORMAT


def parse_journal(content: bytes, place: str, size: tuple[int, int], run: str) -> JournalContent:
    """Return the journal in the content of a file.

    Args:
        content: of the file.
        place: its name, for messages.
        size: (height, width) of every mask, in pixels.
        run: the run that it must be of; see `run_of`.

    Raises:
        StoreError: it was written by a newer version.
    """
    lines = content.split(b"\n")
    header = _checked(lines[0], "") if len(lines) > 1 else None
    if header is None:
        is_cut = len(lines) == 1
        return JournalContent((), 0, "", "" if is_cut else f"{place} is damaged in line 1", is_cut)
    if header.get("format") != _FORMAT or header.get("format_version") != _VERSION:
        raise StoreError(f"{place} was not written by this version of overseg: update overseg, or move it away")
    if header.get("run") != run:
        return JournalContent((), 0, "", is_of_run=False)
    return _entries(place, lines, header[_CHECKSUM], size)


def _entries(place: str, lines: list[bytes], checksum: str, size: tuple[int, int]) -> JournalContent:
    entries: list[Entry] = []
    n_bytes = len(lines[0]) + 1
    for number, line in enumerate(lines[1:-1], start=1):
        found = _checked(line, checksum)
        try:
            if found is None:
                raise ValueError("its content is not what was written")
            entry = from_json(found, size)
            if entry.number != number:
                raise ValueError("an entry before it is missing")
        except ValueError as e:
            n_lost = len(lines) - 1 - number
            damage = (
                f"{place} is damaged in line {number + 1} ({e}): the {number - 1} edits before it are kept, "
                f"{n_lost} from there on are not"
            )
            return JournalContent(tuple(entries), n_bytes, checksum, damage)
        entries.append(entry)
        n_bytes += len(line) + 1
        checksum = found[_CHECKSUM]
    return JournalContent(tuple(entries), n_bytes, checksum, is_cut=bool(lines[-1]))


def append_entry(store: Folder, content: JournalContent, entry: Entry) -> JournalContent:
    """Add an entry durably, and return what the journal then holds. Only the process that holds the lock does this.

    What lies behind the last good line is first moved to a file of its own; an incomplete line is removed.

    Raises:
        StoreError: it cannot be written; the entries before are kept.
    """
    try:
        if content.n_bytes == 0 or content.damage or content.is_cut or not content.is_of_run:
            content = _mended(store, content)
        line = _line(to_json(entry), content.checksum)
        store.append(JOURNAL, line)
    except OSError as e:
        raise StoreError(
            f"cannot write {store}/{JOURNAL}: {e.strerror or e}; the edits before are kept: make room or check "
            "permissions, and repeat the edit"
        ) from e
    return JournalContent((*content.entries, entry), content.n_bytes + len(line), json.loads(line)[_CHECKSUM])


def _mended(store: Folder, content: JournalContent) -> JournalContent:
    """A journal that ends with a good line. It is replaced atomically."""
    before = store.read(JOURNAL) if store.has(JOURNAL) else b""
    if content.damage or not content.is_of_run:
        aside = next(name for number in range(10**6) if not store.has(name := f"edits.damaged-{number}.jsonl"))
        store.write(aside, before)
    if content.n_bytes:
        store.write(JOURNAL, before[: content.n_bytes])
        return JournalContent(content.entries, content.n_bytes, content.checksum)
    header = _line({"format": _FORMAT, "format_version": _VERSION, "run": run_of(store)}, "")
    store.write(JOURNAL, header)
    return JournalContent((), len(header), json.loads(header)[_CHECKSUM])


def run_of(store: Folder) -> str:
    """Return a checksum of what the store's masks depend on. A store that another run overwrote has another one."""
    return _sha256(_canonical(read_attributes(store)["identity"]))


def _line(found: dict[str, Any], before: str) -> bytes:
    return _canonical(found | {_CHECKSUM: _sha256(before.encode() + _canonical(found))}) + b"\n"


def _checked(line: bytes, before: str) -> dict[str, Any] | None:
    """The JSON of a line, with its checksum; None if it is damaged."""
    try:
        found = json.loads(line)
        others = {name: value for name, value in found.items() if name != _CHECKSUM}
        is_good = found.get(_CHECKSUM) == _sha256(before.encode() + _canonical(others)) and _canonical(found) == line
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if is_good else None


def _canonical(found: dict[str, Any]) -> bytes:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
