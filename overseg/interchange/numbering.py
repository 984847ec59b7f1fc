"""Numbers of objects for formats that write a number into every pixel."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from overseg.interchange.selection import Selection

FILE = "tracks.csv"


def numbers(selection: Selection, *, largest: int) -> Int64[np.ndarray, " o"]:
    """A number from 1 to `largest` for each object: its own plus 1 where that fits for all, else its rank.

    Args:
        selection: whose objects, at most `largest`.
        largest: number that can be written.
    """
    own = selection.objects.id + 1
    return own if own.max(initial=0) <= largest else np.arange(1, len(own) + 1)


def write_table(selection: Selection, given: Int64[np.ndarray, " o"], folder: Path) -> None:
    """Write `tracks.csv` with `number` and `track`, if objects have other numbers than their own plus 1."""
    if np.array_equal(given, selection.objects.id + 1):
        return
    with (folder / FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["number", "track"])
        writer.writerows(zip(given.tolist(), selection.objects.id.tolist(), strict=True))
