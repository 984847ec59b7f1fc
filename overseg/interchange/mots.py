"""MOTS: `frame id class height width run-lengths`, frames from 1, in the folders of MOTSChallenge."""

from pathlib import Path

import numpy as np

from overseg.interchange.mot_challenge import PEDESTRIAN_MOTS, make_folder
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.selection import Selection

LARGEST = 999  # ids are 1000 times the class and this


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<video>/gt/gt.txt` and `<video>/seqinfo.ini`; all objects are of class 2, pedestrian."""
    given = numbers(selection, largest=LARGEST)
    write_table(selection, given, folder)
    height, width = selection.size
    with make_folder(selection, pictures, folder).open("w", encoding="ascii") as file:
        for frame in selection:
            row = np.searchsorted(selection.objects.id, frame.masks.track)
            for number, counts in zip(given[row].tolist(), frame.masks.rles.counts, strict=True):
                facts = (frame.source_number + 1, 1000 * PEDESTRIAN_MOTS + number, PEDESTRIAN_MOTS, height, width)
                file.write(f"{' '.join(map(str, facts))} {counts.decode('ascii')}\n")
