"""What a reader could not turn into masks, counted."""

from collections import Counter
from pathlib import Path

from overseg.errors import InputError

_PLURAL = "{s}"  # stands for the s of a plural


class NoMask(ValueError):
    """An entry that is sound and has no pixels: nothing is drawn, or a shape without an area.

    Attributes:
        what: it is, for `LeftOut.add`.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what.replace(_PLURAL, ""))
        self.what = what


class EmptyMask(NoMask):
    """An entry for a mask without a pixel, or without anything that could be one."""


class LeftOut:
    """Counts what was left out.

    Example:
        >>> left_out = LeftOut()
        >>> for what in ("line{s}", "line{s}", "skipped annotation{s}"):
        ...     left_out.add(what)
        >>> left_out.line("a.json")
        'a.json: left out 2 lines, 1 skipped annotation'
        >>> left_out.add_unreadable("shapes[7] has no points")
        >>> left_out.line("a.json")
        'a.json: left out 2 lines, 1 skipped annotation, 1 unreadable entry; the first: shapes[7] has no points'
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._n_unreadable = 0
        self._first_reason = ""

    def __len__(self) -> int:
        """How many things were left out."""
        return self._counts.total() + self._n_unreadable

    def add(self, what: str) -> None:
        """Count one thing, whose plural has an s in place of {s}."""
        self._counts[what] += 1

    def add_unreadable(self, reason: str) -> None:
        """Count one entry that is wrong; the line has the reason of the first."""
        self._first_reason = self._first_reason or reason
        self._n_unreadable += 1

    def refuse_if_strict(self, source: str | Path, *, strict: bool) -> None:
        """Refuse a source of which something was left out, with InputError, where `--strict` is given."""
        if strict and len(self):
            raise InputError(f"{self.line(source)}; correct the file, or read it without --strict")

    def line(self, source: str | Path) -> str:
        """One line with all counts."""
        counted = [f"{n} {what.replace(_PLURAL, 's' if n > 1 else '')}" for what, n in self._counts.most_common()]
        if self._n_unreadable:
            entries = "entries" if self._n_unreadable > 1 else "entry"
            counted.append(f"{self._n_unreadable} unreadable {entries}; the first: {self._first_reason}")
        return f"{source}: left out {', '.join(counted)}"
