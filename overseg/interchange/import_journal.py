"""Imported masks as the visits of a store, with a region for every object."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.masks import ROW_BITS, Masks, TrackMasks, region_id
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.errors import InputError
from overseg.interchange.imported import UNKNOWN_REGION, Imported

_FRAMES_AT_ONCE = 64


@dataclass
class ImportJournal:
    """Cuts the frames into visits, and gives a region to every object that has none.

    Attributes:
        size: of the masks.
        id_of_row: of every row of every visit, the object's number.
    """

    size: tuple[int, int]
    id_of_row: dict[VisitKey, Int64[np.ndarray, " n"]] = field(default_factory=dict)
    _region_of: dict[int, int] = field(default_factory=dict)
    _id_of_region: dict[int, int] = field(default_factory=dict)

    def visits(self, imported: Imported) -> Iterator[Visit]:
        """Visits with all masks, of up to 64 frames each."""
        waiting: list[TrackMasks] = []
        start = 0
        for frame, masks in enumerate(imported.frames):
            waiting.append(self._with_regions(masks, frame))
            if frame + 1 - start == _FRAMES_AT_ONCE or frame + 1 == imported.n_frames:
                yield self._visit(VisitKey(0, start, frame, Direction.FORWARD), TrackMasks.concatenate(waiting))
                waiting, start = [], frame + 1

    def ids(self) -> Int64[np.ndarray, " o"]:
        """The numbers of all objects, ascending."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *self.id_of_row.values()]))

    def regions(self, ids: Int64[np.ndarray, " o"]) -> tuple[Int64[np.ndarray, " r"], Int32[np.ndarray, " r"]]:
        """All regions, ascending, and the track of each."""
        regions = np.array(sorted(self._id_of_region), np.int64)
        owners = np.array([self._id_of_region[region] for region in regions.tolist()], np.int64)
        return regions, np.searchsorted(ids, owners).astype(np.int32)

    def _visit(self, key: VisitKey, masks: TrackMasks) -> Visit:
        columns = {name: column for name, column in vars(masks).items() if name != "track"}
        self.id_of_row[key] = masks.track.astype(np.int64)
        return Visit(key, Masks(**columns), Terminations.empty(), Edges.empty(), Frontier.empty())

    def _with_regions(self, masks: TrackMasks, frame: int) -> TrackMasks:
        """The masks of a frame, each with its region and frame, ordered by region."""
        if not len(masks):
            return masks
        region = masks.region.copy()
        for row in np.flatnonzero(region == UNKNOWN_REGION).tolist():
            region[row] = self._region_of.setdefault(int(masks.track[row]), _new_region(frame, row))
        for id, one in zip(masks.track.tolist(), region.tolist(), strict=True):
            if self._id_of_region.setdefault(one, id) != id or one < 0:
                raise InputError(f"expected every region to be of one object, got {one} of {id} and others")
        masks = replace(masks, region=region, frame=np.full(len(masks), frame, np.int32))
        return masks.take(np.argsort(region, kind="stable"))


def _new_region(frame: int, row: int) -> int:
    if row >= 1 << ROW_BITS:
        raise InputError(f"expected fewer than {1 << ROW_BITS} masks on a frame, got more on frame {frame}")
    return int(region_id(frame, 0, np.array([row]))[0])
