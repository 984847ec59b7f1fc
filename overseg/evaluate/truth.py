"""Ground truth: masks of known objects on the frames of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from overseg.annotations.recognise import read_in_size
from overseg.annotations.resizing import in_size
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.evaluate.run_frames import RunFrames
from overseg.stages import Report


@dataclass(frozen=True)
class Truth:
    """Objects and their masks on the annotated frames, ordered by (frame, object). Memory holds run lengths alone.

    Attributes:
        names: the objects, as the annotation calls them.
        rles: the masks; an empty one says that the object is not to be seen on that frame.
        frame: the store's frame on which each mask lies.
        object: row number in `names` of each mask's object. An object without a row on a frame is not annotated there.
        void: by frame, the pixels of which nothing is known; they count neither for nor against a track.
    """

    names: tuple[str, ...]
    rles: Rles
    frame: Int32[np.ndarray, " n"]
    object: Int32[np.ndarray, " n"]
    void: Mapping[int, Rles] = field(default_factory=dict)

    @classmethod
    def from_rows(
        cls,
        names: Iterable[str],
        rows: Iterable[tuple[int, int, bytes]],
        size: tuple[int, int],
        void: Mapping[int, Rles] | None = None,
    ) -> "Truth":
        """From rows (frame, object, COCO run lengths) in any order; two of one frame and object are joined."""
        merged: dict[tuple[int, int], bytes] = {}
        for frame, number, counts in rows:
            at = (frame, number)
            merged[at] = Rles(size, (merged[at], counts)).union().counts[0] if at in merged else counts
        ordered = sorted(merged)
        return cls(
            names=tuple(names),
            rles=Rles(size, tuple(merged[at] for at in ordered)),
            frame=np.array([frame for frame, _ in ordered], dtype=np.int32),
            object=np.array([number for _, number in ordered], dtype=np.int32),
            void=void or {},
        )

    @property
    def frames(self) -> Int32[np.ndarray, " f"]:
        """The annotated frames, ascending."""
        return np.unique(self.frame)

    def without_ends(self) -> "Truth":
        """The same without the first and the last annotated frame."""
        inner = np.flatnonzero(np.isin(self.frame, self.frames[1:-1]))
        return Truth(self.names, self.rles.take(inner), self.frame[inner], self.object[inner], self.void)


def read_truth(
    path: Path,
    frames: RunFrames,
    report: Report | None = None,
    *,
    first_number: int | None = None,
    strict: bool = False,
) -> Truth:
    """The objects of an annotation in any of the formats of `read_any`, on the frames of a run.

    Args:
        path: the file or folder.
        frames: of the run.
        report: gets a remark about what could not be read as a mask.
        first_number: the number that names and files give the first frame; None to find out.
        strict: refuse a source of which something would be left out.

    Raises:
        InputError: there is nothing, it cannot be read, has masks of another size, or does not belong to the video.
    """
    annotations = read_in_size(path, (frames.source_size, frames.size), frames.video)
    placed = frames.of(annotations, report, first_number=first_number)
    masks: dict[tuple[int, int], bytes] = {}
    annotated: dict[int, tuple[int, ...] | None] = {}
    void: dict[int, Rles] = {}
    objects: dict[int, None] = {}  # in the order in which they are found
    for row, frame in enumerate(placed):
        if frame is None:
            continue
        found = in_size(annotations.read(row), frames.size)
        for object, counts in zip(found.object.tolist(), found.rles.counts, strict=True):
            at = (frame, object)
            masks[at] = Rles(frames.size, (masks[at], counts)).union().counts[0] if at in masks else counts
        annotated[frame] = found.annotated
        objects |= dict.fromkeys([*(found.annotated or ()), *found.object.tolist()])
        if found.void is not None:
            void[frame] = found.void
    annotations.left_out.refuse_if_strict(path, strict=strict)
    left_out = annotations.left_out.remark(path)
    if not objects:
        also = f"; {left_out}" if left_out else ""
        raise InputError(f"expected masks of objects on the frames of the run in {path}, found none{also}")
    if report is not None and left_out:
        report.event("remark", line=left_out)
    ordered = sorted(objects) if None in annotated.values() else list(objects)
    number_of = {object: number for number, object in enumerate(ordered)}
    nowhere = Rles.blank(frames.size).counts[0]
    rows = (
        (frame, number_of[object], masks.get((frame, object), nowhere))
        for frame, given in annotated.items()
        for object in (objects if given is None else given)
    )
    return Truth.from_rows(map(annotations.objects.label, number_of), rows, frames.size, void)
