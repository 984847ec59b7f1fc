"""MOT: `frame,id,left,top,width,height,1,1,1`, boxes alone, frames and pixels from 1, in MOTChallenge's folders."""

from pathlib import Path

from overseg.interchange.mot_challenge import make_folder
from overseg.interchange.selection import Selection


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<video>/gt/gt.txt` and `<video>/seqinfo.ini`; every line counts, is a pedestrian, and is fully visible."""
    with make_folder(selection, pictures, folder).open("w", encoding="ascii") as file:
        for frame in selection:
            boxes = frame.masks.rles.boxes_xywh().astype(int).tolist()
            for id, (left, top, width, height) in zip(frame.masks.track.tolist(), boxes, strict=True):
                file.write(f"{frame.source_number + 1},{id + 1},{left + 1},{top + 1},{width},{height},1,1,1\n")
