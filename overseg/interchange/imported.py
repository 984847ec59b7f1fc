"""Masks by frame with the numbers of their objects, as a store is made of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Int64

from overseg.annotations.annotations import Annotations
from overseg.annotations.coco import UNKNOWN_REGION
from overseg.annotations.placing import Placed
from overseg.annotations.resizing import resized
from overseg.data.masks import KeyframeMasks, Masks, TrackMasks, sam_outputs_of
from overseg.data.rles import Rles
from overseg.data.track_names import TrackName
from overseg.interchange.target import Target


@dataclass(frozen=True)
class Imported:
    """Masks of all frames of a video, out of another tool's files.

    Attributes:
        size: (height, width) of every mask, in pixels.
        n_frames: number of frames.
        frames: the masks of each frame, in order; `track` is the number of the object, any from 0; `region` is
            UNKNOWN_REGION where the format does not hold it. They are read once, each when it is asked for.
        fps: frames per second; 0 where unknown.
        name: of the video; empty where unknown.
        part_of: for objects of which it is known, the number of the smallest object that contains each.
        frame_columns: columns of the table of frames that the format holds, by name.
        names: what objects are called, by number, of those that the format names; complete when all are read.
    """

    size: tuple[int, int]
    n_frames: int
    frames: Iterator[TrackMasks]
    fps: float = 0.0
    name: str = ""
    part_of: Mapping[int, int] | None = None
    frame_columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    names: Mapping[int, TrackName] = field(default_factory=dict)


def on_frames(annotations: Annotations, placed: Placed, target: Target) -> Imported:
    """The annotations on the frames of their pictures; other frames have no masks.

    Args:
        annotations: what was read.
        placed: the frame of each picture, in the input.
        target: which frames of the input are wanted, and of which size.
    """
    row_of = placed.rows
    numbers = target.frames(max([annotations.n_frames, *(frame + 1 for frame in row_of)]))
    rows = [row_of.get(number) for number in numbers]
    known = [row for row in rows if row is not None]
    columns = annotations.picture_columns if len(known) == len(rows) else {}
    times = {} if target.timestamps_s is None else {"timestamp_s": target.timestamps_s}
    return Imported(
        size=target.size(annotations),
        n_frames=len(numbers),
        frames=_frames(annotations, rows, target.size(annotations)),
        fps=annotations.fps / numbers.step,
        name=annotations.name,
        part_of=annotations.part_of,
        frame_columns={name: column[known] for name, column in columns.items()} | times,
        names=annotations.objects.names,
    )


def _frames(annotations: Annotations, rows: Sequence[int | None], size: tuple[int, int]) -> Iterator[TrackMasks]:
    nothing = imported_masks(Rles.empty(size), np.zeros(0, np.int64))
    for row in rows:
        masks = None if row is None else annotations.read(row)
        if masks is None or not len(masks.rles):
            yield nothing  # the same for all: there may be many
        else:
            yield imported_masks(resized(masks.rles, size), masks.object, **masks.columns)


def imported_masks(rles: Rles, ids: Int64[np.ndarray, " n"], **columns: np.ndarray) -> TrackMasks:
    """Masks of one frame with all that a format holds of them; two of one object are united, empty ones left out.

    Args:
        rles: the masks.
        ids: number of the object of each.
        columns: columns of TrackMasks that are known, by name.
    """
    rows = Masks.from_keyframe(KeyframeMasks.from_rles(rles), frame=0, round_=0)
    known = {name: column for name, column in vars(rows).items() if name != "region"}
    masks = TrackMasks(track=ids.astype(np.int32), region=np.full(len(rles), UNKNOWN_REGION, np.int64), **known)
    if "sam_output" in columns:
        columns = {"sam_outputs": sam_outputs_of(columns["sam_output"]), **columns}
    return one_each(replace(masks, **columns))  # type: ignore[arg-type]


def one_each(masks: TrackMasks) -> TrackMasks:
    """The same with one mask for each object, the union of its masks, and without empty ones; ordered by object."""
    masks = masks.take(masks.rles.area_px() > 0)
    masks = masks.take(np.argsort(masks.track, kind="stable"))
    ids, first, count = np.unique(masks.track, return_index=True, return_counts=True)
    if len(ids) == len(masks):
        return masks
    spans = [range(start, start + n) for start, n in zip(first.tolist(), count.tolist(), strict=True)]
    rles = Rles.concatenate(masks.rles.size, (masks.rles.take(span).union() for span in spans))
    return replace(masks.take(first), rles=rles)
