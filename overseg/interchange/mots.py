"""MOTS: `frame id class height width run-lengths`, frames from 1, in the folders of MOTSChallenge."""

from pathlib import Path

import numpy as np

from overseg.interchange.imported import LARGEST_ID, Gathered, Imported
from overseg.interchange.json_input import as_counts, checked, within
from overseg.interchange.mot_challenge import PEDESTRIAN_MOTS, make_folder, read_info, read_lines
from overseg.interchange.numbering import numbers, write_table
from overseg.interchange.selection import Selection

LARGEST = 999  # ids are 1000 times the class and this
_IGNORED = 10  # class of regions that do not count


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<video>/gt/gt.txt` and `<video>/seqinfo.ini`; all objects are of class 2, pedestrian."""
    given = numbers(selection, largest=LARGEST)
    write_table(selection, given, folder)
    height, width = selection.size
    with make_folder(selection, pictures, folder).open("w", encoding="ascii") as file:
        for frame in selection:
            row = np.searchsorted(selection.objects.id, frame.masks.track)
            for number, counts in zip(given[row].tolist(), frame.masks.rles.counts, strict=True):
                id = 1000 * PEDESTRIAN_MOTS + number
                file.write(f"{frame.position + 1} {id} {PEDESTRIAN_MOTS} {height} {width} {counts.decode('ascii')}\n")


def read(source: Path) -> Imported:
    """Read the folder of a video; the regions to be ignored (class 10) are left out.

    Raises:
        InputError: a file cannot be read, or a line of it is wrong.
    """
    path, size, n_frames, fps = read_info(source)
    gathered = Gathered(size)
    for line, text in enumerate(read_lines(path), 1):
        with checked(path, f"line {line}"):
            frame, id, of_class, height, width, counts = text.split(" ")
            if int(of_class) == _IGNORED:
                continue
            position = int(within(frame, 1, n_frames, otherwise=0)) - 1
            segmentation = {"size": [int(height), int(width)], "counts": counts}
            gathered.add(position, int(within(id, 0, LARGEST_ID, otherwise=0)), as_counts(segmentation, size))
    return Imported(size=size, n_frames=n_frames, frames=gathered.frames(n_frames), fps=fps, name=path.parts[-3])
