"""What MOT and MOTS have in common: a folder for the video with `gt/gt.txt`, a line for each object and frame."""

import configparser
from pathlib import Path

from overseg.annotations.mot_challenge import INFO, LINES, SECTION
from overseg.interchange.selection import Selection

PEDESTRIAN_MOTS = 2  # the one class that the readers of MOTSChallenge take


def make_folder(selection: Selection, pictures: list[str], folder: Path) -> Path:
    """Make the folder of the video with its `seqinfo.ini`; returns the file for the lines, which is not there yet."""
    height, width = selection.size
    video = folder / selection.name
    (video / LINES).parent.mkdir(parents=True)
    info = configparser.ConfigParser()
    info.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their capitals
    info[SECTION] = {
        "name": selection.name,
        "imDir": "img1",
        "frameRate": f"{selection.result.info.fps or 30:g}",
        "seqLength": str(selection.source_numbers[-1] + 1),
        "imWidth": str(width),
        "imHeight": str(height),
        "imExt": Path(pictures[0]).suffix,
    }
    with (video / INFO).open("w", encoding="utf-8") as file:
        info.write(file, space_around_delimiters=False)
    return video / LINES
