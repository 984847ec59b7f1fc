"""What MOT and MOTS have in common: a folder for the video with `gt/gt.txt`, a line for each object and frame."""

import configparser
from pathlib import Path

from overseg.errors import InputError
from overseg.interchange.folders import only_folder
from overseg.interchange.json_input import as_size, checked
from overseg.interchange.selection import Selection

LINES = Path("gt", "gt.txt")
PEDESTRIAN_MOTS = 2  # the one class that the readers of MOTSChallenge take
_INFO, _SECTION = "seqinfo.ini", "Sequence"


def make_folder(selection: Selection, pictures: list[str], folder: Path) -> Path:
    """Make the folder of the video with its `seqinfo.ini`; returns the file for the lines, which is not there yet."""
    height, width = selection.size
    video = folder / selection.name
    (video / LINES).parent.mkdir(parents=True)
    info = configparser.ConfigParser()
    info.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their capitals
    info[_SECTION] = {
        "name": selection.name,
        "imDir": "img1",
        "frameRate": f"{selection.result.info.fps or 30:g}",
        "seqLength": str(len(selection)),
        "imWidth": str(width),
        "imHeight": str(height),
        "imExt": Path(pictures[0]).suffix,
    }
    with (video / _INFO).open("w", encoding="utf-8") as file:
        info.write(file, space_around_delimiters=False)
    return video / LINES


def read_info(source: Path) -> tuple[Path, tuple[int, int], int, float]:
    """The file of lines, size, number of frames and frames per second of a video's folder.

    Raises:
        InputError: there is no such folder, or its `seqinfo.ini` is wrong.
    """
    video = source if (source / _INFO).is_file() else only_folder(source)
    path = video / _INFO
    info = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as file:
            info.read_file(file)
    except OSError as e:
        raise InputError(f"expected seqinfo.ini in {video}, cannot read it: {e.strerror}") from e
    except (configparser.Error, UnicodeDecodeError) as e:
        raise InputError(f"{path} cannot be read: {' '.join(str(e).split())}") from e
    with checked(path, f"[{_SECTION}]"):
        section = info[_SECTION]
        size = as_size(section["imHeight"], section["imWidth"], path)
        n_frames = int(section["seqLength"])
        if not 0 < n_frames <= _LONGEST:
            raise ValueError(f"seqLength is {n_frames}")
        return video / LINES, size, n_frames, float(section.get("frameRate", "0"))


_LONGEST = 2**20  # frames; half a day at 25 a second


def read_lines(path: Path) -> list[str]:
    """The lines of a file that are not empty; InputError where it cannot be read."""
    try:
        return [line for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"expected lines of text in {path}, cannot read them: {e}") from e
