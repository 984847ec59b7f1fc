"""What MOT and MOTS have in common: a folder for the video with `gt/gt.txt`, a line for each object and frame."""

import configparser
from dataclasses import dataclass
from pathlib import Path

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.encoded import text_of
from overseg.annotations.folders import folder_of_video
from overseg.annotations.gathered import Gathered
from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import Objects
from overseg.annotations.values import as_size, check_length, checked
from overseg.errors import InputError

LINES = Path("gt", "gt.txt")
INFO, SECTION = "seqinfo.ini", "Sequence"
_LONGEST = 2**20  # frames; half a day at 25 a second


@dataclass(frozen=True)
class Sequence:
    """What `seqinfo.ini` states of a video.

    Attributes:
        path: the file of lines.
        size: (height, width) of the pictures.
        n_frames: number of frames.
        fps: frames per second; 0 where unknown.
        name: of the video.
    """

    path: Path
    size: tuple[int, int]
    n_frames: int
    fps: float
    name: str


def read_info(source: Path, video: str | None = None) -> Sequence:
    """What is known of the video of a folder, or of the one in it that is called `video`.

    Raises:
        InputError: there is no such folder, or its `seqinfo.ini` is wrong.
    """
    folder = source if (source / INFO).is_file() else folder_of_video(source, video)
    path = folder / INFO
    info = configparser.ConfigParser(interpolation=None)
    try:
        info.read_string(text_of(path))
    except OSError as e:
        raise InputError(f"expected seqinfo.ini in {folder}, cannot read it: {e.strerror}") from e
    except (configparser.Error, UnicodeDecodeError) as e:
        raise InputError(f"{path} cannot be read: {' '.join(str(e).split())}") from e
    with checked(path, f"[{SECTION}]"):
        section = info[SECTION]
        size = as_size(section["imHeight"], section["imWidth"], path)
        n_frames, fps = as_length(int(section["seqLength"])), float(section.get("frameRate", "0"))
        return Sequence(folder / LINES, size, n_frames, fps, folder.name)


def annotations_of(
    info: Sequence, gathered: Gathered, objects: Objects, left_out: LeftOut, *, first_frame: int
) -> Annotations:
    """What was read of a video whose frames are numbered from `first_frame`.

    Raises:
        InputError: the video is so long for its masks that its length must be wrong.
    """
    frames = range(info.n_frames)
    check_length(info.n_frames, len(gathered), info.path)
    return Annotations(
        source=info.path,
        size=info.size,
        pictures=tuple(Picture(f"{info.path}: frame {row + first_frame}", number=row) for row in frames),
        read=gathered.read,
        objects=objects,
        left_out=left_out,
        counts_from_zero=True,
        n_frames=info.n_frames,
        name=info.name,
        fps=info.fps,
    )


def as_length(n_frames: int) -> int:
    """The same number; ValueError where no video has so many frames."""
    if not 0 < n_frames <= _LONGEST:
        raise ValueError(f"seqLength is {n_frames}")
    return n_frames


def read_lines(path: Path) -> list[str]:
    """The lines of a file that are not empty; InputError where it cannot be read."""
    try:
        return [line for line in text_of(path).splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"expected lines of text in {path}, cannot read them: {e}") from e
