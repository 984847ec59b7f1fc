"""What a reader could not turn into masks, counted, and what it put between the keyframes of a source."""

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

    Attributes:
        n_between: how many masks are not of the source itself, but between its keyframes.

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
        self.n_between = 0

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

    def remark(self, source: str | Path) -> str | None:
        """One line with all counts; None where there is nothing to say."""
        filled = f"made {self.n_between} of the masks, those between keyframes" if self.n_between else ""
        if not len(self):
            return f"{source}: {filled}" if filled else None
        return self.line(source) + (f"; {filled}" if filled else "")

    def line(self, source: str | Path) -> str:
        """One line with what was left out."""
        counted = [f"{n} {what.replace(_PLURAL, 's' if n > 1 else '')}" for what, n in self._counts.most_common()]
        if self._n_unreadable:
            entries = "entries" if self._n_unreadable > 1 else "entry"
            counted.append(f"{self._n_unreadable} unreadable {entries}; the first: {self._first_reason}")
        return f"{source}: left out {', '.join(counted)}"
