"""MOT: `frame,id,left,top,width,height,1,1,1`, boxes alone, frames and pixels from 1, in MOTChallenge's folders."""

from pathlib import Path

import numpy as np

from overseg.data.rles import Rles
from overseg.interchange.imported import LARGEST_ID, Gathered, Imported
from overseg.interchange.json_input import checked, within
from overseg.interchange.mot_challenge import make_folder, read_info, read_lines
from overseg.interchange.selection import Selection


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<video>/gt/gt.txt` and `<video>/seqinfo.ini`; every line counts, is a pedestrian, and is seen in full."""
    with make_folder(selection, pictures, folder).open("w", encoding="ascii") as file:
        for frame in selection:
            boxes = frame.masks.rles.boxes_xywh().astype(int).tolist()
            for id, (left, top, width, height) in zip(frame.masks.track.tolist(), boxes, strict=True):
                file.write(f"{frame.position + 1},{id + 1},{left + 1},{top + 1},{width},{height},1,1,1\n")


def read(source: Path) -> Imported:
    """Read the folder of a video; masks are the boxes, cut at the picture's edge. Lines that do not count are left out.

    Raises:
        InputError: a file cannot be read, or a line of it is wrong.
    """
    path, size, n_frames, fps = read_info(source)
    gathered = Gathered(size)
    for line, text in enumerate(read_lines(path), 1):
        with checked(path, f"line {line}"):
            frame, id, *box = text.split(",")[:6]
            counts_at_all = [float(one) for one in text.split(",")[6:7]] != [0.0]
            position = int(within(frame, 1, n_frames, otherwise=0)) - 1
            left, top, width, height = (float(at) for at in box)
            if counts_at_all:
                number = int(within(id, 0, LARGEST_ID, otherwise=0))
                gathered.add(position, number, _box_counts(left - 1, top - 1, width, height, size))
    return Imported(size=size, n_frames=n_frames, frames=gathered.frames(n_frames), fps=fps, name=path.parts[-3])


def _box_counts(left: float, top: float, width: float, height: float, size: tuple[int, int]) -> bytes:
    mask = np.zeros((1, *size), bool)
    rows, columns = (
        slice(max(0, round(start)), max(0, round(start + length))) for start, length in ((top, height), (left, width))
    )
    mask[0, rows, columns] = True
    return Rles.from_masks(mask).counts[0]
