"""What every reader returns: the masks of each picture, under the names and numbers that the file has."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from jaxtyping import Int64

from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import Objects
from overseg.data.rles import Rles


@dataclass(frozen=True)
class Picture:
    """A picture as the file names it.

    Attributes:
        place: where the file speaks of it, to begin the line of an error.
        name: its file name, as the file has it; empty where it has none.
        number: the number of its frame, where the file states one.
        id: its number among the pictures of a task, where the file states one; it may count other things than frames.
    """

    place: str
    name: str = ""
    number: int | None = None
    id: int | None = None

    @property
    def stem(self) -> str:
        """The file name without folders and suffix."""
        return PurePosixPath(self.name.replace("\\", "/")).stem


@dataclass(frozen=True)
class PictureMasks:
    """The masks of one picture.

    Attributes:
        rles: the masks; empty ones and several of one object are possible.
        object: number of the object of each mask.
        columns: what else is known of each mask, by the name of the column of TrackMasks.
        void: pixels of which the file says that nothing is known; None where there are none.
        annotated: numbers of the objects that the file annotates on this picture, seen or not; None for all that the
            file has masks of.
    """

    rles: Rles
    object: Int64[np.ndarray, " n"]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    void: Rles | None = None
    annotated: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Annotations:
    """The masks of one video in another tool's files. Nothing here is bound to a frame yet: see `place_pictures`.

    Attributes:
        source: the file or folder.
        size: (height, width) of every mask, in pixels.
        pictures: the annotated pictures, in the order of the file, or of their names where the file has no order.
        read: the masks of a picture, by its row in `pictures`. The file is read when a picture is asked for, as far as
            the format allows.
        objects: numbers and names of the objects; complete when all pictures are read.
        left_out: what could not be read as a mask; complete when all pictures are read.
        counts_from_zero: the numbers of pictures, or those at the end of their names, are defined as numbers of frames
            that count from 0, so that the first need not be 0.
        stated_from_zero: the numbers of frames that the file states count the frames of the video from 0. Without the
            video, the first picture is frame 0 nevertheless.
        has_own_rate: numbers count frames at a rate that was set in the tool, so that `n_frames` must be that of the
            video, or one beside it.
        n_frames: number of frames, where the file states it; else 0.
        name: of the video; empty where unknown.
        fps: frames per second; 0 where unknown.
        is_of_maps: every picture is a mask or a map of masks, so that one without a pixel was given, too.
        part_of: for objects of which it is known, the number of the smallest object that contains each.
        picture_columns: columns of the table of frames that the file holds, a value for each picture, by name.
    """

    source: Path
    size: tuple[int, int]
    pictures: tuple[Picture, ...]
    read: Callable[[int], PictureMasks]
    objects: Objects = field(default_factory=Objects)
    left_out: LeftOut = field(default_factory=LeftOut)
    counts_from_zero: bool = False
    stated_from_zero: bool = False
    has_own_rate: bool = False
    n_frames: int = 0
    name: str = ""
    fps: float = 0.0
    is_of_maps: bool = False
    part_of: Mapping[int, int] | None = None
    picture_columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __iter__(self) -> Iterator[PictureMasks]:
        """The masks of every picture, in order."""
        return map(self.read, range(len(self.pictures)))


class Reader(Protocol):
    """The function `read` of each format. Its docstring adds what is particular to the format."""

    def __call__(self, source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
        """Read the masks of one video.

        Args:
            source: the file or folder.
            size: (height, width) that masks must have; None for the size that the source states, or that its first
                mask or picture has.
            video: the video's name, to choose one of several; formats that hold one video ignore it.

        Raises:
            InputError: something cannot be read, is wrong, or has another size; the line names the place.
        """
        ...
