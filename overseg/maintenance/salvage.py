"""Reading a damaged result: the rows that are not lost, and the frames on which some may be."""

from collections.abc import Set
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Bool, Int32

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks, keyframe_of
from overseg.data.terminations import Terminations
from overseg.data.visit import Edges
from overseg.maintenance.damaged_column import DamagedColumn
from overseg.store.columns import stored_names, to_table
from overseg.store.folder import METADATA, Folder

Table = TypeVar("Table")


class Salvage:
    """The tables of a damaged result that come from visits. The others, such as tracks, follow from them.

    Attributes:
        masks: ordered by frame.
        terminations: ordered by the keyframe from which masks were propagated.
        appearances: ordered by the keyframe on which regions were made.
        edges: ordered by keyframe.
    """

    def __init__(self, result: Folder, damaged: Set[str], *, size: tuple[int, int], n_frames: int) -> None:
        """
        Args:
            result: the folder of the result. Its own `zarr.json` is not damaged.
            damaged: paths of the damaged files in it.
            size: (height, width) of every mask, in pixels.
            n_frames: number of frames of the video.
        """

        def table(name: str, cls: type[Table], frame: str) -> "SalvagedTable[Table]":
            return SalvagedTable(result, name, cls, frame, damaged, size=size, n_frames=n_frames)

        self.masks = table("masks", Masks, "frame")
        self.terminations = table("endings", Terminations, "from_frame")
        self.appearances = table("looks", Appearances, "region")
        self.edges = table("edges", Edges, "frame")


class SalvagedTable(Generic[Table]):
    """A table of a damaged result.

    Attributes:
        lost: for every frame of the video, whether a row of that frame may be lost.
    """

    def __init__(
        self,
        result: Folder,
        name: str,
        cls: type[Table],
        frame: str,
        damaged: Set[str],
        *,
        size: tuple[int, int],
        n_frames: int,
    ) -> None:
        """
        Args:
            name, cls: stored name and class of the table.
            frame: the column that it is ordered by; it has frames, or regions that stand for their keyframes.
            result, damaged, size, n_frames: as in Salvage.
        """
        self.lost: Bool[np.ndarray, " f"] = np.zeros(n_frames, bool)
        self._cls, self._size = cls, size
        names = set(stored_names(cls))
        if "rles" in names:
            names = names - {"rles"} | {"rle_bytes", "rle_offsets"}
        if any(f"{name}/{column}/{METADATA}" in damaged for column in names):
            self.lost[:] = True
            return
        self._columns = {column: DamagedColumn(result, f"{name}/{column}", damaged) for column in names}
        self._ordered_by = self._columns[frame]
        in_order = self._ordered_by.ascending()
        self._frame: Int32[np.ndarray, " n"] = keyframe_of(in_order).astype(np.int32) if frame == "region" else in_order
        for column in names:
            self._lose_rows_of(column)

    def on(self, first: int, last: int) -> Table:
        """The rows of frames `first` to `last`, both included, none of which has a lost row."""
        start, stop = np.searchsorted(self._frame, [first, last + 1]).tolist()
        arrays = {name: column.rows(start, stop) for name, column in self._columns.items() if "rle_" not in name}
        if "rle_bytes" in self._columns:
            offsets = self._columns["rle_offsets"].rows(start, stop + 1)
            arrays["rle_bytes"] = self._columns["rle_bytes"].rows(int(offsets[0]), int(offsets[-1]))
            arrays["rle_offsets"] = offsets - offsets[0]
        return to_table(self._cls, arrays, self._size)

    def _lose_rows_of(self, name: str) -> None:
        """Mark the frames of all rows that are lost in this column."""
        lost = self._columns[name].lost
        if name == "rle_offsets":  # a mask lies between two offsets
            lost = [(start - 1, stop) for start, stop in lost]
        elif name == "rle_bytes" and lost:
            offsets = self._columns["rle_offsets"].ascending()
            lost = [tuple(np.searchsorted(offsets, [start + 1, stop]).tolist()) for start, stop in lost]
            lost = [(start - 1, stop) for start, stop in lost]
        for start, stop in lost:
            if stop > max(start, 0):
                self._lose(max(start, 0), min(stop, len(self._frame)))

    def _lose(self, start: int, stop: int) -> None:
        """Mark the frames of rows from start, included, to stop, excluded. A lost frame reads as the one before."""
        beyond = stop if self._ordered_by.is_lost(stop - 1) else stop - 1
        last = int(self._frame[beyond]) if beyond < len(self._frame) else len(self.lost) - 1
        self.lost[int(self._frame[start]) : last + 1] = True
