"""The part of a result that is exported: tracks, frames, their numbers, and whether masks overlap."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.filters import Cut, Filters
from overseg.interchange.relabel import Labels
from overseg.store.flattened import Flattened, Loss, LossCount, cut
from overseg.store.result import Result


@dataclass(frozen=True)
class Objects:
    """One row for each exported object, by number.

    Attributes:
        id: its number, from 0, ascending.
        track: the track that it is; of several the first.
        category: row number of its category.
        part_of: number of the smallest exported object that contains it; -1 where none does.
        last_frame: number of the last frame with a mask of it, in the whole result.
    """

    id: Int64[np.ndarray, " o"]
    track: Int64[np.ndarray, " o"]
    category: Int32[np.ndarray, " o"]
    part_of: Int64[np.ndarray, " o"]
    last_frame: Int64[np.ndarray, " o"]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class SelectedFrame:
    """A frame of an export.

    Attributes:
        number: of the frame in the result.
        position: of the frame in the export, from 0.
        masks: its masks, ordered by region; `track` is the number of the object.
    """

    number: int
    position: int
    masks: TrackMasks


class Selection:
    """The part of a result that is exported.

    Attributes:
        result: of a run or an import.
        frames: numbers of its frames.
        objects: the objects on them.
        categories: names of the objects' categories.
    """

    def __init__(
        self, result: Result, filters: Filters, *, labels: Labels | None = None, flat: Cut | None = None
    ) -> None:
        """
        Args:
            result: where the masks are.
            filters: which tracks and frames.
            labels: numbers and categories; None for the tracks' own.
            flat: how masks are laid over each other; None leaves them overlapping.
        """
        labels = labels or Labels.of_names(len(result.tracks), result.names)
        self.result = result
        self.frames = filters.frames(len(result))
        self._wanted = filters.tracks(result.tracks, self.frames) & (labels.id >= 0)
        self._flat: Flattened | None = None
        self._loss: LossCount | None = None
        shown = self._wanted
        if flat is not None:
            shown = cut(result.tracks, result.tree, depth=flat.depth, n_tracks=flat.n_tracks, among=self._wanted)
            self._flat = Flattened(result, result.tracks, shown, len(result))
            self._loss = LossCount(len(result.tracks))
        self._id = labels.id
        self.categories = labels.categories
        self.objects = _objects(result, shown, labels)
        self._merges = len(self.objects) < shown.sum()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every mask, in pixels."""
        return self.result.size

    @property
    def name(self) -> str:
        """The name of the video, made valid as the name of a file or folder on any system."""
        name = self.result.info.name or Path(self.result.path).name
        return re.sub(r"[^\w.-]+", "_", Path(name).stem).strip("._") or "video"

    @property
    def names(self) -> dict[int, str]:
        """The names of objects that have one, by number."""
        names, objects = self.result.names, zip(self.objects.id.tolist(), self.objects.track.tolist(), strict=True)
        return {id: names[track].name for id, track in objects if track in names}

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __iter__(self) -> Iterator[SelectedFrame]:
        """The frames in order; the masks of a frame are read when it is reached."""
        for number in self.frames:
            yield self.frame(number)

    def frame(self, number: int) -> SelectedFrame:
        """One of the frames, by its number in the result."""
        masks: TrackMasks = self.result.masks_at(number)
        masks = masks.take(self._wanted[masks.track])
        if self._flat is not None and self._loss is not None:
            masks, before = self._flat.flat(masks), masks
            self._loss.add(before, masks)
        return SelectedFrame(number, number - self.frames.start, self._numbered(masks))

    def lose(self, masks: TrackMasks, left: Rles) -> None:
        """Count the loss of a format on one frame: `left` are the masks without overlap that remain of `masks`."""
        if self._loss is None:
            self._loss = LossCount(len(self.objects))
        before = replace(masks, track=np.searchsorted(self.objects.id, masks.track).astype(np.int32))
        self._loss.add(before, replace(before, rles=left).take(left.area_px() > 0))

    def loss(self) -> Loss | None:
        """The loss of the frames read so far, where masks are laid over each other; else None."""
        return None if self._loss is None else self._loss.loss()

    def _numbered(self, masks: TrackMasks) -> TrackMasks:
        masks = replace(masks, track=self._id[masks.track].astype(np.int32))
        return _united(masks) if self._merges else masks


def _objects(result: Result, shown: Bool[np.ndarray, " t"], labels: Labels) -> Objects:
    tracks = np.flatnonzero(shown)
    ids, first = np.unique(labels.id[tracks], return_index=True)
    whole = np.full(len(ids), -1, np.int64)
    for row, track in enumerate(tracks[first].tolist()):
        above = result.tree.ancestors(track)
        above = above[shown[above] & (labels.id[above] != ids[row])]
        whole[row] = labels.id[above[0]] if len(above) else -1
    last_frame = np.zeros(len(ids), np.int64)
    np.maximum.at(last_frame, np.searchsorted(ids, labels.id[tracks]), result.tracks.last_frame[tracks])
    return Objects(ids, tracks[first], labels.category[tracks[first]], whole, last_frame)


def _united(masks: TrackMasks) -> TrackMasks:
    """One mask for each object and frame: the union of its masks, with the columns of the best of them."""
    order = np.lexsort((-masks.score, masks.track, masks.frame))
    new = np.flatnonzero(
        (np.diff(masks.track[order], prepend=-1) != 0) | (np.diff(masks.frame[order], prepend=-1) != 0)
    )
    groups = np.split(order, new[1:]) if len(order) else []
    best = np.array([group[0] for group in groups], np.int64)
    rles = Rles.concatenate(masks.rles.size, (masks.rles.take(group).union() for group in groups))
    return replace(masks.take(best), rles=rles)
