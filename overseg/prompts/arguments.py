"""Collects everything that a caller gives as prompts, in any form, into one table with names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.prompts import Prompts
from overseg.data.track_names import TrackName
from overseg.errors import InputError, SettingsError
from overseg.prompts.files import picture_named_in, points_out, read_prompts
from overseg.prompts.given import Box, Mask, Point, given_list
from overseg.prompts.known_masks import read_known_masks
from overseg.prompts.objects import Pointed, PromptedObjects, gather
from overseg.prompts.prompted_frames import PromptedFrames
from overseg.prompts.words import parse_box, parse_masks, parse_point


@dataclass(frozen=True, kw_only=True)
class PromptArguments:
    """The prompt arguments of `overseg.track`; see there.

    Attributes:
        prompts: a file, a folder, a store, or a table in pixels of the processed frames.
        boxes, points, masks: prompts, or values of the options --box, --point and --mask.
        first_number: the number that names and files give the first frame; None to find out.
        strict: refuse a file of which something would be left out.
    """

    prompts: str | Path | Prompts | PromptedObjects | None = None
    boxes: "Box | str | Sequence[Box | str]" = ()
    points: "Point | str | Sequence[Point | str]" = ()
    masks: "Mask | str | Sequence[Mask | str]" = ()
    first_number: int | None = None
    strict: bool = False

    def pointed(self, frames: PromptedFrames) -> tuple[list[Pointed], list[str]]:
        """Read the file and the options; and remarks on what was left out.

        Raises:
            OversegError: a value is wrong; the message names the option, or the place in the file.
        """
        read, remarks = self._read(frames) if isinstance(self.prompts, str | Path) else ([], [])
        boxes = [parse_box(box) if isinstance(box, str) else box.pointed() for box in given_list(self.boxes, Box)]
        masks = [
            parse_masks(mask, frames.input_size) if isinstance(mask, str) else mask.pointed(frames.input_size)
            for mask in given_list(self.masks, Mask)
        ]
        points = [parse_point(one) if isinstance(one, str) else one.pointed() for one in given_list(self.points, Point)]
        given = [*read, *boxes, *(one for several in masks for one in several), *points]
        for one in given:
            if one.frame is not None and one.frame >= len(frames.numbers):
                raise SettingsError(f"{one.place}: the frames are 0 to {len(frames.numbers) - 1}, not {one.frame}")
        return given, remarks

    def _read(self, frames: PromptedFrames) -> tuple[list[Pointed], list[str]]:
        path = Path(self.prompts)  # type: ignore[arg-type]
        if not points_out(path):
            return read_known_masks(path, frames, first_number=self.first_number, strict=self.strict)
        pointed = read_prompts(path, frames.input_size)
        frame = frames.named(picture_named_in(path), path.name)
        if not frame:
            return pointed, []
        image = frames.source.stems[frames.numbers[frame]]
        remark = f"{path} is of the image {image}: its objects are on frame {frame}"
        return [replace(one, frame=frame) for one in pointed], [remark]

    def objects(self, pointed: Sequence[Pointed], video: Any, frames: PromptedFrames) -> PromptedObjects | None:
        """Return all objects, numbered from 0 in the order of their names' first appearance; None if there are none.

        Args:
            pointed: from `pointed`, and other prompts.
            video: a `BufferedVideo`; the returned prompts are in its pixels.
            frames: of this video.

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
        return gather(pointed, input_size=video.source_size, size=video.info.size, frame=frames.default)


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
