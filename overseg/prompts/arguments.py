"""Collects everything that a caller gives as prompts, in any form, into one table with names."""

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
from overseg.prompts.given import Box, Mask, Point, given_list
from overseg.prompts.objects import Pointed, PromptedObjects, gather
from overseg.prompts.words import parse_box, parse_masks, parse_point


@dataclass(frozen=True, kw_only=True)
class PromptArguments:
    """The prompt arguments of `overseg.track`; see there.

    Attributes:
        prompts: a file, or a table in pixels of the processed frames.
        boxes, points, masks: prompts, or values of the options --box, --point and --mask.
        frame: number of the processed frame that the file and the options refer to.
    """

    prompts: str | Path | Prompts | PromptedObjects | None = None
    boxes: "Box | str | Sequence[Box | str]" = ()
    points: "Point | str | Sequence[Point | str]" = ()
    masks: "Mask | str | Sequence[Mask | str]" = ()
    frame: int = 0

    def pointed(self, input_size: tuple[int, int]) -> list[Pointed]:
        """Read the file and the options, for input pictures of this (height, width).

        Raises:
            OversegError: a value is wrong; the message names the option, or the place in the file.
        """
        read = []
        if isinstance(self.prompts, str | Path):
            read = read_prompts(Path(self.prompts), input_size)
        boxes = [parse_box(box) if isinstance(box, str) else box.pointed() for box in given_list(self.boxes, Box)]
        masks = [
            parse_masks(mask, input_size) if isinstance(mask, str) else mask.pointed(input_size)
            for mask in given_list(self.masks, Mask)
        ]
        points = [parse_point(one) if isinstance(one, str) else one.pointed() for one in given_list(self.points, Point)]
        return [*read, *boxes, *(one for several in masks for one in several), *points]

    def objects(self, pointed: Sequence[Pointed], video: Any) -> PromptedObjects | None:
        """Return all objects, numbered from 0 in the order of their names' first appearance; None if there are none.

        Args:
            pointed: from `pointed`, and other prompts on the same frame.
            video: a `BufferedVideo`; the returned prompts are in its pixels.

        Raises:
            OversegError: a value is wrong; the message names the option, or the place in the file.
        """
        if isinstance(self.prompts, Prompts | PromptedObjects):
            if pointed:
                raise SettingsError("expected a table of prompts, or a file and options, got both: use one of the two")
            objects = self.prompts if isinstance(self.prompts, PromptedObjects) else _named(self.prompts)
            objects.prompts.check(video.info)
            return objects
        if not pointed:
            return None
        return gather(pointed, input_size=video.source_size, size=video.info.size, frame=self.frame)

    def check_frame(self, n_frames: int) -> None:
        """Raise SettingsError if the frame does not exist."""
        if not 0 <= self.frame < n_frames:
            raise SettingsError(f"--frame is one of the frames 0 to {n_frames - 1}, not {self.frame}")


def fingerprint_of(objects: PromptedObjects) -> str:
    """Return a sha256, as a hex string, of all prompts and names."""
    total = hashlib.sha256(repr(objects.names).encode())
    for column in fields(Prompts):
        values: Any = getattr(objects.prompts, column.name)
        content = repr(values.counts).encode() if column.name == "rles" else np.ascontiguousarray(values).tobytes()
        total.update(f"{column.name}:{hashlib.sha256(content).hexdigest()};".encode())
    return total.hexdigest()


def _named(prompts: Prompts) -> PromptedObjects:
    """Give each object its number as its name."""
    if not len(prompts):
        raise InputError("expected prompts with at least one row, got none: there is nothing to track")
    numbers, object = np.unique(prompts.object, return_inverse=True)
    named = Prompts(**{**vars(prompts), "object": object.astype(np.int32)})
    names = [f"object {number}" for number in numbers.tolist()]
    return PromptedObjects(named, tuple(TrackName(name, name) for name in names))
