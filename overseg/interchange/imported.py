"""What a reader of a foreign format returns: masks by frame, and what else is known."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Int64

from overseg.data.masks import KeyframeMasks, Masks, TrackMasks, sam_outputs_of
from overseg.data.rles import Rles
from overseg.data.track_names import TrackName

UNKNOWN_REGION = -1
LARGEST_ID = 2**30 - 1  # of an object that has a number
FIRST_OWN_ID = LARGEST_ID + 1  # of those that have none, each one mask


@dataclass(frozen=True)
class Imported:
    """Masks of a video out of another tool's files.

    Attributes:
        size: (height, width) of every mask, in pixels.
        n_frames: number of frames.
        frames: the masks of each frame, in order; `track` is the number of the object, any from 0; `region` is
            UNKNOWN_REGION where the format does not hold it. Read as they are asked for, once.
        fps: frames per second; 0 where unknown.
        name: of the video; empty where unknown.
        part_of: for objects of which it is known, the number of the smallest object that contains each.
        frame_columns: columns of the table of frames that the format holds, by name.
        names: what objects are called, by number, of those that the format names.
    """

    size: tuple[int, int]
    n_frames: int
    frames: Iterator[TrackMasks]
    fps: float = 0.0
    name: str = ""
    part_of: Mapping[int, int] | None = None
    frame_columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    names: Mapping[int, TrackName] = field(default_factory=dict)


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


class Gathered:
    """Masks that come in any order, collected by frame. Memory holds them as run lengths.

    Example:
        >>> gathered = Gathered((4, 6))
        >>> gathered.add(1, 7, b"h0", score=0.5)
        >>> [len(masks) for masks in gathered.frames(2)]
        [0, 0]
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._nothing = imported_masks(Rles.empty(size), np.zeros(0, np.int64))
        self._rows: defaultdict[int, list[tuple[int, bytes, dict[str, Any]]]] = defaultdict(list)

    def add(self, frame: int, id: int, counts: bytes, **columns: Any) -> None:
        """Add a mask; columns are those of TrackMasks, in which all masks of a frame are alike."""
        self._rows[frame].append((id, counts, columns))

    def frames(self, n_frames: int) -> Iterator[TrackMasks]:
        """The masks of each frame in order; they are gone from here then."""
        for frame in range(n_frames):
            yield self._table(self._rows.pop(frame)) if frame in self._rows else self._nothing

    def _table(self, rows: list[tuple[int, bytes, dict[str, Any]]]) -> TrackMasks:
        rles = Rles(self._size, tuple(counts for _, counts, _ in rows))
        columns = {name: np.array([row[2][name] for row in rows], _TYPES[name]) for name in rows[0][2]}
        return imported_masks(rles, np.array([id for id, _, _ in rows], np.int64), **columns)


_TYPES = {
    "region": np.int64,
    "source": np.int8,
    "score": np.float32,
    "stability_score": np.float32,
    "sam_output": np.int8,
    "sam_outputs": np.uint8,
    "point_xy": np.float32,
}
