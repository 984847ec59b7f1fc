"""What is left of a damaged result: the rows that are whole, and the frames on which some are lost."""

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
    """The tables of a result that came from visits. What was worked out from them, such as tracks, can be again.

    Attributes:
        masks: ordered by frame.
        endings: ordered by the keyframe from which masks were propagated.
        looks: ordered by the keyframe on which regions were made.
        edges: ordered by keyframe.
    """

    def __init__(self, result: Folder, damaged: Set[str], *, size: tuple[int, int], n_frames: int) -> None:
        """
        Args:
            result: the folder of the result, whose own metadata is whole.
            damaged: paths of files in it that are not as they were written.
            size: (height, width) of every mask, in pixels.
            n_frames: of the video.
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
        lost: for every frame of the video, whether a row that is ordered there may be lost.
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
            name, cls: the table.
            frame: name of the column that it is ordered by, of frames or of regions.
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
        """The rows that are ordered from frame `first` to `last`, both included, on none of which one is lost."""
        start, stop = np.searchsorted(self._frame, [first, last + 1]).tolist()
        arrays = {name: column.rows(start, stop) for name, column in self._columns.items() if "rle_" not in name}
        if "rle_bytes" in self._columns:
            offsets = self._columns["rle_offsets"].rows(start, stop + 1)
            arrays["rle_bytes"] = self._columns["rle_bytes"].rows(int(offsets[0]), int(offsets[-1]))
            arrays["rle_offsets"] = offsets - offsets[0]
        return to_table(self._cls, arrays, self._size)

    def _lose_rows_of(self, name: str) -> None:
        """Note the frames of all rows of which what stands in this column is lost."""
        lost = self._columns[name].lost
        if name == "rle_offsets":  # a mask lies between two of them
            lost = [(start - 1, stop) for start, stop in lost]
        elif name == "rle_bytes" and lost:
            offsets = self._columns["rle_offsets"].ascending()
            lost = [tuple(np.searchsorted(offsets, [start + 1, stop]).tolist()) for start, stop in lost]
            lost = [(start - 1, stop) for start, stop in lost]
        for start, stop in lost:
            if stop > max(start, 0):
                self._lose(max(start, 0), min(stop, len(self._frame)))

    def _lose(self, start: int, stop: int) -> None:
        """Rows from start, included, to stop, excluded, are lost. A lost frame number stands as the one before it."""
        beyond = stop if self._ordered_by.is_lost(stop - 1) else stop - 1
        last = int(self._frame[beyond]) if beyond < len(self._frame) else len(self.lost) - 1
        self.lost[int(self._frame[start]) : last + 1] = True
