"""Reading the masks of a result, by frame or by track."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.data.row_number import is_number_in
from overseg.data.visit import Outline
from overseg.store.column import Column
from overseg.store.columns import StoredRows, stored_name, stored_names
from overseg.store.folder import Folder
from overseg.store.zarr_tables import CHUNK_ROWS, RLE_CHUNK_BYTES

_COLUMN_CHUNKS_KEPT = 2  # of each column; together 0.8 MB each
_RLE_CHUNKS_KEPT = 8  # 256 KiB each


class MaskTable:
    """Rows of a result's `masks` and `association`. Memory is bounded: the most recent chunks are kept.

    Attributes:
        size: (height, width) of every mask, in pixels.
        n_rows: number of rows, including those without a track.
        n_frames: number of frames of the video.
        n_tracks: number of tracks.
    """

    def __init__(self, folder: Folder, size: tuple[int, int]) -> None:
        names = {name: f"masks/{name}" for name in stored_names(StoredRows) if name not in ("rles", "track")}
        columns = names | {"track": "association/track"}
        self.size = size
        self._columns = {name: Column(folder, path) for name, path in columns.items()}
        self._rle_offsets, self._rle_bytes = (Column(folder, f"masks/{name}") for name in ("rle_offsets", "rle_bytes"))
        self._frame_offsets: Int64[np.ndarray, " o"] = Column(folder, "masks/frame_offsets").all()
        self._track_offsets: Int64[np.ndarray, " o"] = Column(folder, "association/track_offsets").all()
        self._track_rows = Column(folder, "association/rows")
        self.n_rows = len(self._columns["track"])
        self.n_frames = len(self._frame_offsets) - 1
        self.n_tracks = len(self._track_offsets) - 1
        self._column_chunk = lru_cache(_COLUMN_CHUNKS_KEPT * len(columns))(self._read_column_chunk)
        self._offset_chunk = lru_cache(_COLUMN_CHUNKS_KEPT)(self._read_offset_chunk)
        self._rle_chunk = lru_cache(_RLE_CHUNKS_KEPT)(self._read_rle_chunk)

    def masks_at(self, frame: int) -> TrackMasks:
        """The masks of tracks on a frame, ordered by region.

        Raises:
            IndexError: there is no such frame.
        """
        return self.rows_at(frame).in_tracks()

    def rows_at(self, frame: int) -> StoredRows:
        """All rows of a frame, ordered by region, including those without a track.

        Raises:
            IndexError: there is no such frame.
        """
        return self.take(np.arange(*self.row_span(frame)))

    def masks_of(self, track: int) -> TrackMasks:
        """The masks of a track, ordered by frame.

        Raises:
            IndexError: there is no such track.
        """
        return self.take(self.rows_of([track])).in_tracks()

    def place_of(self, track: int) -> tuple[Int32[np.ndarray, " n"], Int8[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """The frame, source and score of each mask of a track, ordered by frame; IndexError if there is none such."""
        found = self.columns(("frame", "source", "score"), self.rows_of([track]))
        return found["frame"], found["source"], found["score"]

    def rows_of(self, tracks: Sequence[int]) -> Int64[np.ndarray, " k"]:
        """The numbers of the rows of these tracks, ascending; IndexError if there is no such track."""
        rows = [np.zeros(0, np.int64)]
        for track in tracks:
            self.check_track(track)
            start, stop = self._track_offsets[track : track + 2].tolist()
            rows.append(self._track_rows.rows(start, stop).astype(np.int64))
        return np.sort(np.concatenate(rows))

    def row_span(self, frame: int) -> tuple[int, int]:
        """The number of the first row of a frame, and of the first after it; IndexError if there is no such frame."""
        if not is_number_in(frame, 0, self.n_frames):
            raise IndexError(f"expected a frame from 0 to {self.n_frames - 1}, got {frame!r}")
        start, stop = self._frame_offsets[frame : frame + 2].tolist()
        return start, stop

    def columns(self, names: Sequence[str], rows: Int64[np.ndarray, " k"]) -> dict[str, np.ndarray]:
        """The values of some columns, by stored name, in these rows, which are ascending; reads no masks."""
        chunk_of_row, parts = rows // CHUNK_ROWS, {name: [self._columns[name].rows(0, 0)] for name in names}
        for chunk in np.unique(chunk_of_row).tolist():
            local = rows[chunk_of_row == chunk] - chunk * CHUNK_ROWS
            for name in names:
                parts[name].append(self._column_chunk(name, chunk)[local])
        return {name: np.concatenate(found) for name, found in parts.items()}

    def check_track(self, track: int) -> None:
        """IndexError if there is no such track."""
        if not is_number_in(track, 0, self.n_tracks):
            raise IndexError(f"expected a track from 0 to {self.n_tracks - 1}, got {track!r}")

    def take(self, rows: Int64[np.ndarray, " k"]) -> StoredRows:
        """The rows with these row numbers, which are ascending."""
        chunk_of_row = rows // CHUNK_ROWS
        parts = [self._take_of_chunk(chunk, rows[chunk_of_row == chunk]) for chunk in np.unique(chunk_of_row).tolist()]
        return StoredRows.concatenate(parts or [self._take_of_chunk(0, rows)])

    def outline_at(self, frame: int) -> Outline:
        """All rows of a frame without their masks, ordered by region, including those without a track."""
        start, stop = self._frame_offsets[frame : frame + 2].tolist()
        first, last = start // CHUNK_ROWS, max(stop - 1, start) // CHUNK_ROWS
        names = stored_names(Outline)
        span = slice(start - first * CHUNK_ROWS, stop - first * CHUNK_ROWS)
        if stop <= start:
            return Outline(*(self._columns[name].rows(0, 0) for name in names))
        chunks = range(first, last + 1)
        return Outline(*(np.concatenate([self._column_chunk(name, chunk) for chunk in chunks])[span] for name in names))

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """All rows of a column, or of `rle_bytes` or `rle_offsets`, one chunk at a time."""
        column = {"rle_bytes": self._rle_bytes, "rle_offsets": self._rle_offsets, **self._columns}[name]
        return column.chunks()

    def _take_of_chunk(self, chunk: int, rows: Int64[np.ndarray, " k"]) -> StoredRows:
        offsets, local = self._offset_chunk(chunk), rows - chunk * CHUNK_ROWS
        bounds = zip(offsets[local].tolist(), offsets[local + 1].tolist(), strict=True)
        rles = Rles(self.size, tuple(self._rle(start, stop) for start, stop in bounds))
        others = [f.name for f in fields(StoredRows) if f.name != "rles"]
        return StoredRows(rles=rles, **{name: self._column_chunk(stored_name(name), chunk)[local] for name in others})

    def _rle(self, start: int, stop: int) -> bytes:
        chunk, local = divmod(start, RLE_CHUNK_BYTES)
        counts = self._rle_chunk(chunk)[local : local + stop - start]
        return counts if len(counts) == stop - start else counts + self._rle(start + len(counts), stop)

    def _read_column_chunk(self, name: str, chunk: int) -> np.ndarray:
        return self._columns[name].rows(chunk * CHUNK_ROWS, (chunk + 1) * CHUNK_ROWS)

    def _read_offset_chunk(self, chunk: int) -> Int64[np.ndarray, " o"]:
        return self._rle_offsets.rows(chunk * CHUNK_ROWS, (chunk + 1) * CHUNK_ROWS + 1)

    def _read_rle_chunk(self, chunk: int) -> bytes:
        return self._rle_bytes.rows(chunk * RLE_CHUNK_BYTES, (chunk + 1) * RLE_CHUNK_BYTES).tobytes()
