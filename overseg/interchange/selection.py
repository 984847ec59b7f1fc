"""The part of a result that is exported: tracks, frames, their numbers, and whether masks overlap."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from overseg.annotations.resizing import resized
from overseg.annotations.yolo import TRAIN, VAL
from overseg.data.filters import Cut, Filters
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.interchange.relabel import Labels
from overseg.interchange.shaping import Shaping
from overseg.output.input_video import source_numbers
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
        source_number: of the frame in the input, from 0.
        masks: its masks, ordered by region; `track` is the number of the object.
    """

    number: int
    position: int
    source_number: int
    masks: TrackMasks


class Selection:
    """The part of a result that is exported.

    Attributes:
        result: of a run or an import.
        frames: numbers of its frames.
        source_numbers: the number in the input of each of these frames.
        size: (height, width) of every mask, in pixels.
        is_flat: whether masks are laid over each other.
        has_polygons: whether polygons are asked for, where a format holds both.
        n_dropped: how many pieces of masks were too small for a polygon, of the frames read so far.
        objects: the objects on them.
        categories: names of the objects' categories.
    """

    def __init__(
        self,
        result: Result,
        filters: Filters,
        *,
        labels: Labels | None = None,
        flat: Cut | None = None,
        size: tuple[int, int] | None = None,
        shaping: Shaping | None = None,
        val: float = 0.0,
        flat_by_writer: bool = False,
        name: str | None = None,
    ) -> None:
        """
        Args:
            result: where the masks are.
            filters: which tracks and frames.
            labels: numbers and categories; None for the tracks' own.
            flat: how masks are laid over each other; None leaves them overlapping.
            size: (height, width) to which masks are scaled; None for that of the result.
            shaping: how masks become polygons.
            val: share of the frames, the last ones, that are for validation.
            flat_by_writer: the format lays masks over each other itself; `flat` only chooses the tracks.
            name: of the video; None for its own.
        """
        labels = labels or Labels.of_names(len(result.tracks), result.names)
        self.result = result
        self.size = size or result.size
        self._shaping, self._val, self._name = shaping or Shaping(), val, name
        self.has_polygons = shaping is not None
        self.n_dropped = 0
        self.frames = filters.frames(len(result))
        self.source_numbers = source_numbers(result)[self.frames.start : self.frames.stop : self.frames.step]
        self._wanted = filters.tracks(result.tracks, self.frames) & (labels.id >= 0)
        self._flat: Flattened | None = None
        self.is_flat, self._flat_by_writer = flat is not None, flat_by_writer
        self._loss: LossCount | None = None
        shown = self._wanted
        if flat is not None:
            shown = cut(result.tracks, result.tree, depth=flat.depth, n_tracks=flat.n_tracks, among=self._wanted)
            self._flat = Flattened(result, result.tracks, shown, len(result))
            self._loss = LossCount(len(result.tracks))
        self._id, self._called = labels.id, labels.names
        self.categories = labels.categories
        self.objects = _objects(result, shown, labels)
        self._merges = len(self.objects) < shown.sum()

    @property
    def name(self) -> str:
        """The name of the video, made valid as the name of a file or folder on any system."""
        name = self._name or self.result.info.name or Path(self.result.path).name
        return re.sub(r"[^\w.-]+", "_", Path(name).stem).strip("._") or "video"

    @property
    def names(self) -> dict[int, str]:
        """The names of objects that have one, by number."""
        objects = zip(self.objects.id.tolist(), self.objects.track.tolist(), strict=True)
        return {id: self._called[track] for id, track in objects if track in self._called}

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __iter__(self) -> Iterator[SelectedFrame]:
        """The frames in order; the masks of a frame are read when it is reached."""
        for number in self.frames:
            yield self.frame(number)

    def frame(self, number: int) -> SelectedFrame:
        """One of the frames, by its number in the result."""
        masks = self._masks_at(number)
        masks = masks.take(self._wanted[masks.track])
        if self._flat is not None and self._flat_by_writer:
            masks = masks.take(self._flat.shown[masks.track])
        elif self._flat is not None and self._loss is not None:
            masks, before = self._flat.flat(masks), masks
            self._loss.add(before, masks)
        position = number - self.frames.start
        return SelectedFrame(number, position, self.source_numbers[position], self._numbered(masks))

    def _masks_at(self, number: int) -> TrackMasks:
        """The masks of a frame of the result, in the size of the export. Exports read masks here and nowhere else."""
        masks: TrackMasks = self.result.masks_at(number)
        if self.size == self.result.size:
            return masks
        scale_yx = np.array(self.size) / np.array(self.result.size)
        point_xy = (masks.point_xy * scale_yx[::-1]).astype(np.float32)
        return replace(masks, rles=resized(masks.rles, self.size), point_xy=point_xy)

    def split(self, position: int) -> str:
        """Whether a frame, by its place in the export, is for training or validation: TRAIN or VAL.

        The frames for validation are the last ones, since neighbours show nearly the same.
        """
        return TRAIN if position < len(self) - round(self._val * len(self)) else VAL

    @property
    def has_split(self) -> bool:
        """Whether some frames are for validation."""
        return self._val > 0

    def polygons(self, mask: Bool[np.ndarray, "h w"], *, along_edges: bool = False) -> list[Float64[np.ndarray, "_ 2"]]:
        """The polygons of a mask, as the options say; see `Shaping.polygons`."""
        polygons, n_dropped = self._shaping.polygons(mask, along_edges=along_edges)
        self.n_dropped += n_dropped
        return polygons

    def use_categories(self, categories: tuple[str, ...]) -> None:
        """Number the categories as in another list, which has all of them."""
        number = np.array([categories.index(name) for name in self.categories], np.int32)
        self.objects = replace(self.objects, category=number[self.objects.category])
        self.categories = categories

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
