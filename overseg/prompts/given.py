"""All that a caller gives to follow, in whatever form, as one table of prompts with names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.prompts import Prompts
from overseg.data.track_names import TrackName
from overseg.errors import InputError, SettingsError
from overseg.prompts.files import read_prompts
from overseg.prompts.objects import Pointed, PromptedObjects, gather
from overseg.prompts.words import parse_box, parse_mask, parse_point


@dataclass(frozen=True, kw_only=True)
class Given:
    """What to follow, as `overseg.track` takes it; see there.

    Attributes:
        prompts: a file, or a table in pixels of the processed frames.
        boxes, points, masks: as words of the command line.
        frame: number of the processed frame that a file and words speak of.
    """

    prompts: str | Path | Prompts | PromptedObjects | None = None
    boxes: Sequence[str] = ()
    points: Sequence[str] = ()
    masks: Sequence[str] = ()
    frame: int = 0

    def pointed(self, input_size: tuple[int, int]) -> list[Pointed]:
        """What a file and words say, of input pictures of this (height, width).

        Raises:
            OversegError: something cannot be; the line names the option, or the place in the file.
        """
        read = []
        if isinstance(self.prompts, str | Path):
            read = read_prompts(Path(self.prompts), input_size)
        masks = [parse_mask(mask, input_size) for mask in self.masks]
        return [*read, *map(parse_box, self.boxes), *masks, *map(parse_point, self.points)]

    def objects(self, pointed: Sequence[Pointed], video: Any) -> PromptedObjects | None:
        """All of it, with numbers from 0 in the order in which objects are named; None where nothing is given.

        Args:
            pointed: from `pointed`, and what else was pointed out on its frame.
            video: a `BufferedVideo`, in whose pixels the prompts then are.

        Raises:
            OversegError: something cannot be; the line names the option, or the place in the file.
        """
        if isinstance(self.prompts, Prompts | PromptedObjects):
            if pointed:
                raise SettingsError("expected a table of prompts, or files and words, got both: use one of the two")
            objects = self.prompts if isinstance(self.prompts, PromptedObjects) else _named(self.prompts)
            objects.prompts.check(video.info)
            return objects
        if not pointed:
            return None
        return gather(pointed, input_size=video.source_size, size=video.info.size, frame=self.frame)

    def check_frame(self, n_frames: int) -> None:
        """Refuse with SettingsError a frame that is not there."""
        if not 0 <= self.frame < n_frames:
            raise SettingsError(f"--frame is one of the frames 0 to {n_frames - 1}, not {self.frame}")


def fingerprint_of(objects: PromptedObjects) -> str:
    """A sha256 in hex of all that is prompted, and of the names."""
    total = hashlib.sha256(repr(objects.names).encode())
    for column in fields(Prompts):
        values: Any = getattr(objects.prompts, column.name)
        content = repr(values.counts).encode() if column.name == "rles" else np.ascontiguousarray(values).tobytes()
        total.update(f"{column.name}:{hashlib.sha256(content).hexdigest()};".encode())
    return total.hexdigest()


def _named(prompts: Prompts) -> PromptedObjects:
    """The same, each object called by its number."""
    if not len(prompts):
        raise InputError("expected prompts with a row at least, got none: there is nothing to follow")
    numbers, object = np.unique(prompts.object, return_inverse=True)
    named = Prompts(**{**vars(prompts), "object": object.astype(np.int32)})
    names = [f"object {number}" for number in numbers.tolist()]
    return PromptedObjects(named, tuple(TrackName(name, name) for name in names))
